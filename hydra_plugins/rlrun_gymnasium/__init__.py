"""What Hydra finds by itself: see `source.py`."""
