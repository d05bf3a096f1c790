"""The verbs: the order of reading, deciding, acting and reporting. No printing, no library of a server."""
