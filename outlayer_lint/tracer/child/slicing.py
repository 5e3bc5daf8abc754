"""Imports of a file only what is asked for: names come into being when something reads them, loops and downloads never."""
