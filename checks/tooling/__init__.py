"""Set-up, locks, serving, and what is run by hand: coverage, mutation, size."""
