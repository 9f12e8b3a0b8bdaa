"""Verdicts and the findings so far become events. Pure."""
