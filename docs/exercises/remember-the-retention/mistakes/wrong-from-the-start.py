"""The lookback, which is right until a rule reads further back."""


def retention(policy):
    """Not less than the lookback."""
    return policy.lookback
