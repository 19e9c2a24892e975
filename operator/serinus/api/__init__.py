"""The types of `ModelDeployment`, their defaults, limits and reasons.

Nothing here decides or acts; crds/ and the chart's copy are generated from this room alone.
"""
