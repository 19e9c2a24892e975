"""Queries for the pods of a revision, their results, and the counts from counters and histograms,
independent of the source.

Pure: nothing here calls Prometheus, judges or decides. Adapters run queries (prometheus/), a
recording answers them again (`recorded`), a simulation generates results.
"""
