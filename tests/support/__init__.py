"""What several layers of tests share: simulated rollouts, analyses and pods, and real servers.

What one layer alone needs stays there; what puts the product on a cluster is in tests/stage.
"""
