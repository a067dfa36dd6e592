"""Evidence files: how they are written, shown and held to what is measured now."""
