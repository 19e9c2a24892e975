"""The only room that speaks to the Kubernetes API: raw objects in, raw objects out.

It knows kinds, writes and reads, and keeps a store of what was seen; it decides nothing.
"""

from serinus.cluster.client import ApiError, Cluster, connect
from serinus.cluster.kinds import KINDS, Kind
from serinus.cluster.store import Family, Store

__all__ = ["KINDS", "ApiError", "Cluster", "Family", "Kind", "Store", "connect"]
