"""Runs models and training scripts to see what they do. It executes the user's code: only on request, only in a child.

The parent half needs the standard library alone and never imports what it traces:

* `target`: what is asked for, as typed on the command line or written in the configuration;
* `settings` and `configured`: how it is to be run, and what the configuration says about it; `hook`: what a project's
  `outlayer_trace.py` writes down;
* `channel`: lines of JSON between the two halves, each with a nonce;
* `sandbox`: where the child runs: namespaces, limits, environment, the end of everything it started;
* `parent`: starts the child, hands it orders and keeps the clock; `ends`: how each order ended;
* `tracing`: what `trace` and `run` ask, from targets to a `Traced`; `gathered`: what the rules say of it;
* `reach` and `verdicts`: what has to be run for a static finding, and what that says of it;
* `report`: a `Traced` as text, JSON and SARIF.

The other half is `child/`, the one place that may import torch. Its first process (`__main__`, `jail`) puts up the
walls and forks a worker for each round of orders (`serving`, `orders`, `failures`); `trial` runs a model, `watched` a
script, `told` says what leaves the child.
"""
