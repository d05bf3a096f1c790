"""Jobs by the thousand: what it costs, beside the others."""
