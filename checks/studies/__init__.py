"""The lessons' own measurements, each of which writes one evidence file."""
