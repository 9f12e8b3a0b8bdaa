"""A plan and observations become verdicts. Pure."""
