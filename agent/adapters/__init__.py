"""The doors to the outside; one library behind each; only errors of `agent.errors` come out."""
