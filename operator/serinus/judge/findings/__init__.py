"""A file for each kind of finding: the figures that a check comes to, and the sentence that is made
of them. Nothing is weighed here, and nothing is known of a check's settings or of its queries.
"""
