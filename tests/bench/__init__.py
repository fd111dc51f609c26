"""How fast rlrun is beside its peers and beside the machine itself: `make bench`."""
