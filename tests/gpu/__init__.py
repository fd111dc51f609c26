"""Checks and measures the deep agents on an accelerator: `make gpu`."""
