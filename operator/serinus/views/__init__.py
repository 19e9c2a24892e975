"""A rollout as shown to users: values computed from a spec, a status and the time.

Rendering as text or as a page belongs elsewhere.
"""
