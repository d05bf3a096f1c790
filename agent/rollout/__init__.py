"""What is heard of a workload -> Verdict. Pure: no I/O, no clock; `now` is always an argument."""
