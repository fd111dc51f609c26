"""Tests of the particle tasks of several agents."""
