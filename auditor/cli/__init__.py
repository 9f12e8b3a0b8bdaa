"""The command line: one click module per group of commands."""
