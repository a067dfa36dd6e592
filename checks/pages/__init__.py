"""Runs, parses or draws every block of every page, and compares it with what the page shows."""
