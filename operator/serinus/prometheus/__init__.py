"""The only room that speaks to Prometheus, over prometheus-api-client: questions in, samples out.

A recording of it answers as it did. What samples mean is judged elsewhere; nothing here computes a
rate or decides.
"""

from serinus.prometheus.answers import UnreadableError
from serinus.prometheus.archive import Archive
from serinus.prometheus.client import Prometheus
from serinus.prometheus.config import Config
from serinus.prometheus.queries import Asked
from serinus.prometheus.recorded import Recorded
from serinus.prometheus.recording import record

__all__ = ["Archive", "Asked", "Config", "Prometheus", "Recorded", "UnreadableError", "record"]
