"""Puts the whole product on a real cluster, and tells what happens there: for demo, e2e and bench.

What several of them need belongs here; what one of them shows or asserts does not.
"""
