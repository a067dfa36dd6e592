"""Measurements: each writes one evidence file, from which pages draw their figures and plots."""
