"""From what a target names to a model: what a file defines, imports cut to what is needed, arguments."""
