"""Tests of rlrun/transfer: what a run takes from earlier runs."""
