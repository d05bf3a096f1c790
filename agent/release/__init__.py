"""What one deploy puts into the cluster, the ledger of releases, and the choice of where to undo to. Pure."""
