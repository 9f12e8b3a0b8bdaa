"""Information-security policy compliance auditor for governments."""

__version__ = "0.1.0"  # read here, as the distribution's metadata takes a mail parser to read
