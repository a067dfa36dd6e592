"""Adapters that produce samples: this machine, and a recorded trace."""
