"""Several gateways, measured side by side on the real cluster: what a route does there, and what
the operator may rely on.

What starts them belongs to tests/cluster; what a user should know of them is in docs/gateways.md.
"""
