"""Names: what binds them, where they come from, which files belong together."""
