"""Remedies followed on a real Debian 12: the host, what is broken on it, and what only a whole machine could show."""
