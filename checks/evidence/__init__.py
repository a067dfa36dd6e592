"""Writes evidence files, reads them for the pages, and compares them with what is measured now."""
