"""What Prometheus answers to someone who asks it beside the operator."""

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any


def query(url: str, promql: str) -> list[Mapping[str, Any]]:
    """The elements of an instant vector; an error if Prometheus does not answer."""
    asked = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
    with urllib.request.urlopen(asked, timeout=5) as answer:
        found: list[Mapping[str, Any]] = json.load(answer)["data"]["result"]
        return found
