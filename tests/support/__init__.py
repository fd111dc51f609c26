"""What several test files need: small runs, comparisons, environments that misbehave."""
