"""The objects of a rollout: revisions in, manifests for server-side apply out.

Rendering, naming and reading back belong here; deciding what is desired and sending it do not.
"""
