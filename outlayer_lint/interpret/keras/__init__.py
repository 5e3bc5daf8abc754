"""Keras models: layers, models as objects, `compile` and `fit`. Loaded by programs that use them."""
