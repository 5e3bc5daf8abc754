"""Runs models and training scripts to see what they do. It executes the user's code: only on request, only in a child.

The parent half needs the standard library alone and never imports what it traces:

* `target`: what is asked for, as typed on the command line or written in the configuration;
* `settings`: how it is to be run: device, budget, memory, isolation;
* `channel`: lines of JSON between the two halves, each with a nonce;
* `sandbox`: where the child runs: namespaces, limits, environment, the end of everything it started;
* `parent`: starts the child, gathers its records, says how each target ended;
* `verdicts`: static findings against what was seen: confirmed, refuted, inconclusive, not run;
* `report`: `Traced` as text, JSON and SARIF.

The other half is `child/`, the one place that may import torch.
"""
