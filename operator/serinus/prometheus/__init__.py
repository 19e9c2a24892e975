"""The only room that speaks to Prometheus, over prometheus-api-client: questions in, samples out.

A recording of it answers as it did. What samples mean is judged elsewhere; nothing here computes a
rate or decides.
"""

from serinus.prometheus.answers import UnreadableError
from serinus.prometheus.archive import Archive
from serinus.prometheus.client import Prometheus
from serinus.prometheus.config import Config, Header
from serinus.prometheus.labelling import Labelling, matcher
from serinus.prometheus.options import OPTIONS, Option, settings
from serinus.prometheus.queries import Asked
from serinus.prometheus.recorded import Recorded
from serinus.prometheus.recording import record

__all__ = [
    "OPTIONS",
    "Archive",
    "Asked",
    "Config",
    "Header",
    "Labelling",
    "Option",
    "Prometheus",
    "Recorded",
    "UnreadableError",
    "matcher",
    "record",
    "settings",
]
