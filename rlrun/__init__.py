"""rlrun: reinforcement-learning experiments from the command line, many seeds at once."""

__version__ = "0.1.0"
