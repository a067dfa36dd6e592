"""The checks of this repository: its pages, its site and its measurements."""
