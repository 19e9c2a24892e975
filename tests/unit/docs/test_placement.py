"""What docs/operations.md says about edge nodes and several clusters."""

import os
import subprocess
from pathlib import Path

import yaml

from serinus.api.spec import Spec
from serinus.api.validation import of_template, problems
from serinus.manifests.children import Wanted, children
from serinus.manifests.owner import Owner
from serinus.manifests.revision import Revision
from serinus.manifests.traffic import Traffic
from tests.support.documents import ROOT, fenced

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
SECTION = PAGE.partition("\n## Edge nodes and several clusters\n")[2].partition("\n## ")[0]


ROLLED_BACK = 'case "$*" in *"--context $BAD "*) exit 1 ;; esac'
"""What `serinus status` does at one of the sites, as a shell has it."""


def test_both_revisions_run_where_the_pod_template_says() -> None:
    [placed] = (yaml.safe_load(block)["spec"] for block in fenced(SECTION, "yaml"))
    spec = yaml.safe_load((ROOT / "examples" / "03-gateway.yaml").read_text())["spec"]
    spec["template"]["spec"] |= placed
    assert [*of_template(spec["template"], "spec.template"), *problems("shop", "loan", spec)] == []
    stable, candidate = (
        Revision.of({**spec, "model": {"version": version}}, number)
        for number, version in enumerate(("v1", "v2"))
    )
    wanted = Wanted({stable.hash: 2, candidate.hash: 1}, Traffic(stable.hash, candidate.hash, 5))
    history = {each.hash: each for each in (stable, candidate)}
    made = children(Owner("shop", "loan", "4f7c"), Spec.model_validate(spec), history, wanted)
    pods = [each["spec"]["template"]["spec"] for each in made if each["kind"] == "Deployment"]
    assert len(pods) == 2
    assert all(pod[field] == value for pod in pods for field, value in placed.items())


def test_a_version_that_is_rolled_back_at_a_site_does_not_reach_the_next(tmp_path: Path) -> None:
    [command] = fenced(SECTION, "sh")
    for program, script in (("kubectl", ""), ("serinus", ROLLED_BACK)):
        path = tmp_path / program
        path.write_text(f'#!/bin/sh\necho {program} "$@" >> {tmp_path}/typed\n{script}\n')
        path.chmod(0o755)
    there = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for site, reached in (("lyon", ["berlin", "lyon"]), ("berlin", ["berlin"])):
        (tmp_path / "typed").write_text("")
        subprocess.run(["bash", "-c", command], env={**there, "BAD": site}, check=True)
        lines = (tmp_path / "typed").read_text().splitlines()
        applied = [line.split()[2] for line in lines if line.startswith("kubectl")]
        assert applied == reached
