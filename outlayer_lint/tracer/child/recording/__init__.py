"""What a model does with an input: operations and where they came from, what the outputs are, how they take stress."""
