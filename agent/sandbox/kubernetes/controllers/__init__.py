"""The controllers of the stand-in cluster: each a work queue of keys and a `sync` that moves one object along."""
