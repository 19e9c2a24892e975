"""Serinus: progressive delivery of machine-learning models on Kubernetes, with automatic rollback.

Each folder is a room; imports go downwards only, in the order that `lint-imports` enforces.
"""

__version__ = "0.1.0"
