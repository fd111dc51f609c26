"""Seed-stacked networks, with their forward and backward passes written out."""
