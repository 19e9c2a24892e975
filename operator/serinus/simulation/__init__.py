"""Simulated rollouts: the operator's own rules and judge, against a world described or recorded.

Pods, traffic and scrapes as values belong here, and the random numbers that they are drawn from;
reading files, asking servers and printing do not.
"""
