"""The only room that speaks to Prometheus, over prometheus-api-client: questions in, samples out.

What samples mean is judged elsewhere; nothing here computes a rate, keeps history or decides.
"""

from serinus.prometheus.client import Prometheus
from serinus.prometheus.config import Config
from serinus.prometheus.queries import Asked

__all__ = ["Asked", "Config", "Prometheus"]
