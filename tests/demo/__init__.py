"""The story that `make demo` shows: a real model rolled out, and two bad ones refused.

What is told and how belongs here; what puts the product on a cluster is in tests/stage.
"""
