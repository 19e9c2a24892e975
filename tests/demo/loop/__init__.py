"""The story that `make demo-loop` shows: the inputs move, a Job trains anew, a registry has the new
version, and Serinus rolls it out, or not.

What is told and how belongs here; what puts the product on a cluster is in tests/stage.
"""
