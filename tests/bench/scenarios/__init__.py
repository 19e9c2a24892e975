"""Nights of a rollout, and what their users wanted of it.

Each scenario is a new user's spec, with nothing set that the operator could find out by itself, in
a world with routes, nodes, outages and cold starts. It says beforehand which end is right,
acceptable or forbidden. The whole operator runs in memory and in moved time.
"""
