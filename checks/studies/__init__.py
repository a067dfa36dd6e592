"""The measurements of the lessons; each writes one evidence file."""
