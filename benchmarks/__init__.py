"""Scripts that run us and a peer side by side and print the ratio; none is a test."""
