"""The abstract interpreter: backwards from each consumer, evaluating by need.

The modules of this folder evaluate a program: names, calls, objects, conditions, loops. Beside them stand

    questions/  what is asked: seeds, callers, consumers, decisions, targets; the facts that come out
    transfers/  what an operation makes of a tensor, chosen by the transfer word of its row (`transfer`)
    data/       what loaders, data sets, transforms, pipelines and tables yield
    keras/      Keras models; loaded by programs that use them

What evaluates does not know what is asked: nothing outside of `questions` and `keras` imports `questions`.
"""
