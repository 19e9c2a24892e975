"""Measurements on a real cluster, printed as JSON: how fast, how many, how much.

What must hold for every change is a test, and belongs elsewhere.
"""
