"""Counts in, verdict with evidence out: the statistics that decide between stable and candidate.

Pure: no clock, no I/O, no knowledge of Kubernetes or of how Prometheus is reached.
"""
