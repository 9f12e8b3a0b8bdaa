"""Information-security policy compliance auditor for governments."""
