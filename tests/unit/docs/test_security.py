"""docs/security.md lists the rights that the chart gives to the operator, and no others."""

import re
import subprocess
from collections import defaultdict

import yaml

from tests.cluster import parts
from tests.support.documents import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")


def test_the_rights_are_those_of_the_chart() -> None:
    given = (
        *("template", "serinus", str(ROOT / "charts" / "serinus"), "--show-only"),
        *("templates/rbac.yaml", "--set=image.repository=a", "--set=prometheus.url=http://b"),
    )
    helm = parts.clients() / "helm" / "helm"
    rendered = subprocess.run([helm, *given], text=True, capture_output=True, check=True).stdout
    rights = defaultdict[str, set[str]](set)
    for role in yaml.safe_load_all(rendered):
        for rule in role.get("rules", ()):
            for resource in rule["resources"]:
                rights[resource] |= set(rule["verbs"])
    section = PAGE.partition("## Rights of the operator")[2].partition("\n## ")[0]
    told = {
        name: set(verbs.split(", "))
        for name, verbs in re.findall(r"^\| `(.*)` \| (.*) \| .* \|$", section, re.MULTILINE)
    }
    assert told == rights
