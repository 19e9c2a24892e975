"""The operator's shell: watching, the queue, the reconcile loop, leader election, own metrics.

It carries facts to the rules and their decisions to the cluster; what to decide is not in here.
"""
