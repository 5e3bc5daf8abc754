"""What a model emits, in words for people who do not know ours."""

from __future__ import annotations

import re

WORDS = {
    "logit": "raw scores",
    "simplex": "probabilities that add up to 1",
    "unit": "values between 0 and 1",
    "logp": "logarithms of probabilities that add up to 1",
    "logunit": "logarithms of values between 0 and 1",
    "nonneg": "values from 0 upwards",
    "pos": "values above 0",
    "sym1": "values between -1 and 1",
    "unorm": "vectors of length 1",
    "bnd": "values between {} and {}",
    "onehot": "rows with a single 1",
    "multihot": "rows of zeros and ones",
    "index": "numbers of classes",
    "binary": "zeros and ones",
    "bool": "true or false",
    "hid": "features that another layer takes up",
    "data": "data that comes from no model",
    "loss": "the result of a loss",
}
DESCRIBED = r"(?P<word>\w+)(?:\((?P<inside>[^)]*)\))?(?:, \d+ units?)?"


def plainly(described: str) -> str:
    """`simplex(1), 10 units` as `probabilities that add up to 1`; units are left to whoever draws them."""
    match = re.fullmatch(DESCRIBED, described)
    if match is None or match["word"] not in WORDS:
        return described
    words = WORDS[match["word"]]
    return words.format(*(match["inside"] or "?, ?").split(", ")) if match["word"] == "bnd" else words
