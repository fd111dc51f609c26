"""Runs beside each other: which belong together, what scores are worth, tables and reports.

Imports stats, run_folder and terminal.
"""
