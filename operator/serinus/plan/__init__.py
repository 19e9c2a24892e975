"""The rules: what to do next, given the desired state, earlier decisions, and the observed state.

Pure: time is an argument. Each rule is a small function from a situation to the next one; no rule
knows how objects are written or how metrics are read.
"""
