"""The checks of this repository: its pages, its site, its claims, its exercises and its measurements."""
