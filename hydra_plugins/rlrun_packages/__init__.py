"""Discovered by Hydra: the configuration folders of other packages, see `search_path.py`."""
