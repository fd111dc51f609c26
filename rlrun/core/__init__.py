"""Shared by every other room: types, errors, schemas, random streams, schedules.

Imports nothing of rlrun but core, no configuration library, and no torch at run time.
"""
