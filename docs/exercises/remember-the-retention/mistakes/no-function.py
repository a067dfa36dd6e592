"""A class where a function was asked for."""


class Retention:
    """Remembers."""
