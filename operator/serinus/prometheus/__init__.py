"""The only room that speaks to Prometheus, over prometheus-api-client: queries in, results out.

What is asked and what the results mean is not known here (metrics/).
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
