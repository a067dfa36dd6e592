"""What the tasks run besides the checks: set-up, serving, lock files, coverage, size."""
