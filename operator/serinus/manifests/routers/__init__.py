"""How traffic is split between revisions: a file a router, all with one interface.

A router renders the objects that split, and reads back what they do; which weight is wanted, and
when, is decided above.
"""
