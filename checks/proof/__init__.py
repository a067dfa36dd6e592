"""Proves the capstone's claims: runs the check of each with the change that would break it, and without."""
