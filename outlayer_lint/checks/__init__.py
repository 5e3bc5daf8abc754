"""Judgement: one module for each rule, named after its page; `check(fact)` yields findings."""
