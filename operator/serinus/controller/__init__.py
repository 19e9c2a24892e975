"""The operator's shell: watches, the queue, the reconcile loop, leader election, own metrics.

It passes facts to the rules and applies their decisions to the cluster; it decides nothing.
"""
