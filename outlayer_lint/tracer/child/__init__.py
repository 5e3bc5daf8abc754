"""The half of the tracer that runs the user's code. Only this package imports torch, and only in the sandbox."""
