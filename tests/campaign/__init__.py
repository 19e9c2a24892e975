"""Looks for what breaks: every state with every event, long sequences of events, and faults.

`make campaign` runs all of it and writes docs/reliability.md; a short form runs with the tests.
"""
