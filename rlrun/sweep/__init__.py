"""Many runs as one: what each job of a sweep has come to, and how the jobs are run."""
