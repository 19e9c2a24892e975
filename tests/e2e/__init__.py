"""The product on a real cluster: what no other layer can show.

A test here needs real pods, a real gateway, a real Prometheus or the operator's own pod.
"""
