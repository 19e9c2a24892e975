"""A chart that has the one of Serinus as its subchart twice."""

import shutil
from pathlib import Path
from typing import Any, Final

import yaml

from serinus import __version__

CHART: Final = Path(__file__).parents[2] / "charts" / "serinus"


def parent_of_two(folder: Path, **more: Any) -> Path:
    """A chart with this one as its subcharts `blue` and `green`, which act on two classes."""
    parent = folder / "platform"
    shutil.copytree(CHART, parent / "charts" / "serinus")
    aliases = [{"name": "serinus", "version": __version__, "alias": a} for a in ("blue", "green")]
    chart = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": aliases}
    (parent / "Chart.yaml").write_text(yaml.safe_dump(chart))
    own = {
        "image": {"repository": "serinus"},
        "prometheus": {"url": "http://127.0.0.1:9"},
        "scope": "Cluster",
        **more,
    }
    values = {
        "blue": own,
        "green": {**own, "class": "green", "crds": {"enabled": False}},
        "global": {"imageRegistry": "registry.example.com", "of-the-parent": 1},
    }
    (parent / "values.yaml").write_text(yaml.safe_dump(values))
    return parent
