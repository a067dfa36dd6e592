"""Builds the site, and checks its links, its contents and how it looks in a real browser."""
