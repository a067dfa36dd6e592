"""Signals made visible: log lines, metrics and traces. Each adapter is imported by whoever wants it."""
