"""Discovered by Hydra: the `gymnasium://` configuration source, see `source.py`."""
