"""The built site: strict, complete, self-contained, and opened in a real browser."""
