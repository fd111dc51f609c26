"""Kills real runs at random moments, resumes them, and compares: `make soak`."""
