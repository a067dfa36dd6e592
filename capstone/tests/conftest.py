"""Settings that every rung shares."""

from hypothesis import settings

# The same examples on every run, so that a red check is red again. To look further than that:
# pytest --hypothesis-profile=search
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, max_examples=60)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("repeatable")
