"""Use cases: what the command line, and later a portal, asks for. Knows no terminal."""
