"""What is measured, whatever the source: queries of the pods of a revision, their results, and
what counters and histograms in them come to.

Pure: nothing here reaches Prometheus, and nothing judges or decides. Adapters read queries
(prometheus/), a recording answers them again (`recorded`), a simulation makes its answers up.
"""
