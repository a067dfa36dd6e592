"""Where notifications go: log lines, a file, an HTTP webhook."""
