"""Transfer functions: what an operation makes of a tensor, one module for each kind."""
