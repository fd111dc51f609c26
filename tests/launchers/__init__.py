"""Launchers that are too heavy for every day: `make launchers`."""
