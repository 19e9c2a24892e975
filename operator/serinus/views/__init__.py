"""A rollout as people look at it: values made from a spec, a status and the time, and nothing else.

What draws them, as text or as a page, belongs to those who draw.
"""
