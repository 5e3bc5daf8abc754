"""Static findings against what was seen at run time: confirmed, refuted, inconclusive, not run, each with a reason.

A finding is refuted only by what was seen at its own site, or by an intervention on the very output it speaks of; what
was not reached stays open. A true error is never refuted.
"""

from __future__ import annotations
