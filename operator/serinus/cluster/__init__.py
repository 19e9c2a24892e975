"""The only room that calls the Kubernetes API: raw objects in, raw objects out.

It knows kinds, writes and reads, and keeps a store of known objects; it decides nothing.
"""

from serinus.cluster.client import ApiError, Cluster, connect
from serinus.cluster.store import Family, Store

__all__ = ["ApiError", "Cluster", "Family", "Store", "connect"]
