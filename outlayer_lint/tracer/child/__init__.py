"""The half of the tracer that runs the user's code. Only this package imports torch, and only in the sandbox.

__main__, jail    the walls, and the first process; `serving`, `orders`, `failures`, `limits`: one order at a time
trial             one model: built, fed, recorded, identified; `told`: what is seen in words that can leave
script, watched   one script under watch; `driving`: functions that no script calls
building/         from what a target names to a model
search/           an input that the model accepts
recording/        what it does with that input, and what its outputs are
losses/           what the loss calls of a running program receive
surroundings/     stands in for what is missing: packages, files, data sets, options
adapters/         what libraries say about their own models
"""
