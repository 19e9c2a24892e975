"""Serinus rolls machine-learning models out on Kubernetes, and rolls them back when they misbehave.

Each folder is a room; imports run only downwards, in the order that `lint-imports` enforces.
"""

__version__ = "0.1.0"
