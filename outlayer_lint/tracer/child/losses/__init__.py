"""Loss calls of a program that runs: what they receive, and what that is in the words of the checks."""
