"""The rules: what to do next, given what is desired, what was decided before, and what is there.

Pure: time is an argument. Each rule is a small function from a situation to the next one; none
of them knows how objects are written or how metrics are read.
"""
