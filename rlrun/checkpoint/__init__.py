"""Atomic checkpoints without pickle: loading one cannot run code.

`store` manages the generations in a folder and commits each by renaming its manifest, `encode`
turns a state into arrays and plain values, `files` reads and checks them. Imports core.
"""
