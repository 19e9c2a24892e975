"""The tool that makes a real Kubernetes for the tests, the demo and anyone who wants to look.

What starts, feeds and ends a cluster belongs here; what is done to a running one does not.
"""
