"""Model servers from PyPI, run for real: what they export, read by our presets and judged.

Each runs in an environment of its own in the cache, never in this project's.
"""
