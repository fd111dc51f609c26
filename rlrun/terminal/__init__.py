"""Terminal output of a run: progress while it trains, a table when it ends.

Imports core and stats.
"""
