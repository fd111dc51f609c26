"""All that is tabular: the table of values, numbering of states, and what a table shows of itself.

Imports core, rules and media.
"""
