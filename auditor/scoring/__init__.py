"""Outcomes become coverage and the index. Pure."""
