"""Features of continuous observations, and action values that are linear in them.

Imports core and tables.
"""
