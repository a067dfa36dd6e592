"""The built site: strict, complete, self-contained, and looked at in a real browser."""
