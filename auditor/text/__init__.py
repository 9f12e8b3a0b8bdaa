"""Texts of the interface in Arabic and English, and help with bidirectional text."""
