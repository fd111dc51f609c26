"""Comparison of several runs: grouping into variants, reference scores, tables and reports.

Imports stats, run_folder and terminal, and the types of settings.
"""
