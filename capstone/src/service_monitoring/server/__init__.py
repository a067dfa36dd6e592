"""The HTTP edge: samples come in, incidents and metrics go out. Extras `server` and `prometheus`."""
