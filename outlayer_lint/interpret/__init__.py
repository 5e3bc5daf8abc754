"""The abstract interpreter: backwards from each consumer, evaluating by need."""
