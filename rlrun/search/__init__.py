"""Searching for good settings: what is searched through, what was tried, and what came out."""
