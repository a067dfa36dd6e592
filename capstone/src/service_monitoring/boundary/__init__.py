"""Where bytes become domain values or one typed rejection."""
