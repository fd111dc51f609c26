"""Tabular methods: value tables, state numbering, pending returns, and reports of a table.

Imports core, rules and media.
"""
