"""How traffic is split between revisions: a router per way, all of one face.

A router renders the objects that split, and reads back what they do; which weight is wanted, and
when, is decided above.
"""
