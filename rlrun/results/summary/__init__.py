"""The results of a sweep: a table on the terminal, and `summary.csv` for other programs."""
