"""What a rollout needs in the cluster: revisions in, bodies for server-side apply out.

Rendering, naming and reading back belong here; deciding what is wanted, and sending it, do not.
"""
