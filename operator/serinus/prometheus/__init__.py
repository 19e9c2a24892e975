"""The only room that calls Prometheus, with prometheus-api-client: queries in, results out.

The purpose of queries and the meaning of results belong to metrics/.
"""

from serinus.prometheus.archive import Archive
from serinus.prometheus.client import Prometheus
from serinus.prometheus.config import Config, Header
from serinus.prometheus.options import OPTIONS, Option, settings
from serinus.prometheus.recording import record

__all__ = [
    "OPTIONS",
    "Archive",
    "Config",
    "Header",
    "Option",
    "Prometheus",
    "record",
    "settings",
]
