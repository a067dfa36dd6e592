"""Tests that need this repository's own capstone, claims, proposals or exercises; the others do without."""
