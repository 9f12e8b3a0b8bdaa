"""The demonstration fleet: real SSH servers in namespaces of this machine."""
