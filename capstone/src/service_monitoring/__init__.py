"""A small, real monitoring service: it watches a machine, decides, and keeps its promises."""
