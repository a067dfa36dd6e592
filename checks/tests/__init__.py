"""Breaks what each check guards, and expects the check to go red."""
