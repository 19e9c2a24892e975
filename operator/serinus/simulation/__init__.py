"""Simulated rollouts: the operator's own rules and judge, on a simulated or recorded cluster.

Pods, traffic and scrapes as values belong here, and their random numbers; reading files, network
access and printing do not.
"""
