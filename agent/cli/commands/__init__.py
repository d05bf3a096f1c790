"""One module a command: its options, its click command, and a run function that takes the options."""
