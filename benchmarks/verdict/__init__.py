"""Who knows first, and who is right: four tools on the same rollouts of a real cluster."""
