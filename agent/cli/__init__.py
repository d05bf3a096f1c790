"""Arguments in, exit status out. The only package that prints and the only one that exits."""
