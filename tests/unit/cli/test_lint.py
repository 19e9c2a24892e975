"""`serinus lint` finds what the API server and the operator would reject, where it is written."""

import io
from pathlib import Path

import pytest
import yaml

from serinus.cli.__main__ import main
from tests.support.bad_manifests import BadManifest, bad_manifests

ROOT = Path(__file__).parents[3]
GOOD = """\
apiVersion: serinus.dev/v1alpha1
kind: ModelDeployment
metadata: {name: loan}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: model
        image: m:1
        ports: [{containerPort: 8080}]
"""
P99_IN_QUOTES = '{name: slow, latency: {p99: "1.3"}}'
_LEVELS = (f"&a{level + 1} [{', '.join([f'*a{level}'] * 10)}]" for level in range(6))
ALIASES = f"[&a0 [1], {', '.join(_LEVELS)}]"
"""Each stands for ten of the one before: all of them for a few more values than are allowed."""
PSI_AND_TOLERANCE = "{name: drift, predictionDrift: {psi: 0.1, tolerance: 3}}"


def linted(capsys: pytest.CaptureFixture[str], *files: str) -> tuple[int, list[str]]:
    code = main(["lint", *files])
    return code, capsys.readouterr().out.splitlines()


def test_the_examples_have_no_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert linted(capsys, *map(str, (ROOT / "examples").glob("*.yaml"))) == (0, [])


@pytest.mark.parametrize(
    ("rollout", "told"),
    [
        ("{steps: []}", "judged by nothing"),
        ("{steps: [{pause: {}}]}", "judged by nothing"),
        ("{analysis: {checks: []}}", "each new revision passes, whatever it does"),
        (
            "{analysis: {checks: [{name: split, trafficShare: {}}]}}",
            "each new revision passes, whatever it does",
        ),
        (
            "{analysis: {checks: [{name: a, mode: Audit, errorRate: {}}]}}",
            "each new revision passes, whatever it does",
        ),
        ("{steps: [], guard: {}}", ""),
        ("{steps: [{setWeight: 5}]}", ""),
        ("{}", ""),
    ],
)
def test_a_policy_that_judges_nothing_is_said_and_is_no_problem(
    rollout: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "loan.yaml"
    path.write_text(GOOD.replace("replicas: 2", f"rollout: {rollout}"))
    assert main(["lint", str(path)]) == 0
    lines = capsys.readouterr().err.splitlines()
    judged = [each for each in lines if "each new revision" in each]
    assert len(judged) == bool(told)
    assert all(f"{path}: " in each and told in each for each in judged)


@pytest.mark.parametrize("bad", bad_manifests("apply", "stalled"), ids=lambda bad: bad.name)
def test_each_bad_manifest_is_found_without_a_cluster(
    bad: BadManifest, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(ROOT / f"tests/support/bad_manifests/{bad.name}.yaml")
    code, lines = linted(capsys, path)
    assert code == 1
    assert all(line.startswith(f"{path}:") for line in lines) and lines


@pytest.mark.parametrize(
    ("change", "line", "told"),
    [
        (("image: m:1", "image: 1"), 10, "spec.template.spec.containers[0].image: must be of type"),
        (("        image: m:1\n", ""), 9, "spec.template.spec.containers[0].image: is required"),
        (("replicas: 2", "replicas: two"), 5, "spec.replicas: "),
        (("replicas: 2", 'replicas: "2"'), 5, 'spec.replicas: must be a valid integer, not "2"'),
        (
            ("replicas: 2", "rollout: {steps: [{setWeight: 20}, {approval: true}]}"),
            5,
            "spec.rollout.steps[1].approval: must be an object, not true",
        ),
        (
            ("replicas: 2", f"rollout: {{analysis: {{checks: [{P99_IN_QUOTES}]}}}}"),
            5,
            'spec.rollout.analysis.checks[0].latency.p99: must be a valid number, not "',
        ),
        (
            ("replicas: 2", "rollout: {guard: {holdback: 5}}"),
            5,
            "spec.rollout.guard.holdback: must be a whole percentage from 1% to 50%, not 5",
        ),
        (
            ("replicas: 2", "rollout: {progressDeadline: 600}"),
            5,
            "spec.rollout.progressDeadline: must be a duration such as 30s, 5m or 1h30m, not 600",
        ),
        (
            ("replicas: 2", "rollout: {analysis: {falseRollbackBudget: 1}}"),
            5,
            "spec.rollout.analysis.falseRollbackBudget: must be a percentage such as 1% or 0.5%, ",
        ),
        (
            ("replicas: 2", f"rollout: {{analysis: {{checks: [{PSI_AND_TOLERANCE}]}}}}"),
            5,
            "spec.rollout.analysis.checks[0].predictionDrift: set either psi or tolerance, ",
        ),
        (
            ("replicas: 2", "replicsa: 2"),
            5,
            "spec.replicsa: is an unknown field; did you mean replicas?",
        ),
        (("replicas: 2", "replicas: 2\n  replicas: 3"), 6, "spec.replicas: is written twice"),
        (("v1alpha1", "v1"), 1, "apiVersion: must be serinus.dev/v1alpha1"),
        (("metadata: {name: loan}\n", ""), 1, "metadata.name: is required"),
        (("ModelDeployment", "ModelDeploymnet"), 2, "kind: must be ModelDeployment"),
        (("kind: ModelDeployment\n", ""), 1, "kind: must be ModelDeployment"),
        (("{name: loan}", "{name: loan"), 4, "is not valid YAML: "),
        (
            ("replicas: 2", f"replicas: {'[' * 500}{']' * 500}"),
            5,
            "is not valid YAML: it is nested more than 100 levels deep",
        ),
        (
            ("replicas: 2", f"replicas: {ALIASES}"),
            5,
            "is not valid YAML: its aliases stand for more than 1000000 values",
        ),
        (("replicas: 2", "replicas: &a [*a]"), 5, "is not valid YAML: a contains itself"),
        (
            ("spec:\n  rep", "sepc: {}\nspec:\n  rep"),
            4,
            "sepc: is an unknown field; did you mean spec?",
        ),
        (("replicas: 2", "revision_history_limit: 2"), 5, "spec.revision_history_limit: is an "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_problem_has_its_line_also_in_the_second_document_and_in_a_list(
    change: tuple[str, str],
    line: int,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = GOOD.replace(*change)
    assert bad != GOOD
    second, listed = tmp_path / "second.yaml", tmp_path / "list.yaml"
    second.write_text(f"{GOOD}---\n{bad}")
    below = GOOD.count("\n") + 1
    code, lines = linted(capsys, str(second))
    assert code == 1
    assert any(found.startswith(f"{second}:{below + line}: {told}") for found in lines), lines
    head, *rest = bad.splitlines()
    items = "\n".join([f"- {head}", *(f"  {each}" for each in rest)])
    listed.write_text(f"kind: List\nitems:\n{items}\n")
    _, lines = linted(capsys, str(listed))
    assert any(found.startswith(f"{listed}:{2 + line}: {told}") for found in lines), lines


def test_other_kinds_are_skipped_and_what_cannot_be_read_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.yaml").write_text("kind: Service\nnonsense: 1\n---\n- 1\n")
    assert linted(capsys, str(tmp_path / "other.yaml")) == (0, [])
    assert main(["lint", str(tmp_path / "none.yaml")]) == 2
    assert capsys.readouterr().err.endswith(
        "none.yaml: cannot be read: No such file or directory\n"
    )
    (tmp_path / "binary").write_bytes(b"\x7fELF\xd0")
    assert main(["lint", str(tmp_path / "binary")]) == 2
    assert capsys.readouterr().err.endswith("binary: cannot be read: it is not text in UTF-8\n")


def test_how_many_were_checked_is_said_and_none_is_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other, one, two = (tmp_path / f"{name}.yaml" for name in ("other", "one", "two"))
    other.write_text("kind: Service\n")
    one.write_text(GOOD)
    two.write_text(f"{GOOD}---\n{GOOD}")

    def said(*files: Path | str) -> str:
        assert main(["lint", *map(str, files)]) == 0
        return capsys.readouterr().err

    guarded = tmp_path / "guarded.yaml"
    guarded.write_text((ROOT / "examples/10-guard.yaml").read_text())
    assert said(guarded) == (
        f"{guarded}: the guard keeps 2 pods of the previous revision for 2h, in addition to 2 of "
        "the promoted one; 5% of the traffic stays there.\n"
        "No problems found in 1 ModelDeployment.\n"
    )
    by_pods = yaml.safe_load(guarded.read_text())
    by_pods["spec"] |= {"traffic": {}, "replicas": 4}
    guarded.write_text(yaml.safe_dump(by_pods))
    assert "keeps 1 pod of the previous" in said(guarded)
    assert "20% of the traffic stays there" in said(guarded)
    assert said(other) == "0 ModelDeployments found: nothing was checked.\n"
    assert said(one) == "No problems found in 1 ModelDeployment.\n"
    assert said(other, one, two) == "No problems found in 3 ModelDeployments.\n"
    monkeypatch.setattr("sys.stdin", standard_input(b""))
    assert said("-") == "0 ModelDeployments found: nothing was checked.\n"


def standard_input(content: bytes) -> io.TextIOWrapper:
    """As Python opens it in the locale C."""
    return io.TextIOWrapper(io.BytesIO(content), "ascii", errors="surrogateescape")


def test_standard_input_is_read_in_utf_8_in_every_locale(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", standard_input(GOOD.replace("loan", "crédit").encode()))
    assert linted(capsys, "-")[1][0].startswith("-:3: metadata.name: must consist of")
    monkeypatch.setattr("sys.stdin", standard_input(b"kind: ModelDeployment # \xff\n"))
    assert main(["lint", "-"]) == 2
    assert capsys.readouterr().err == "serinus: -: cannot be read: it is not text in UTF-8\n"


@pytest.mark.parametrize(
    "written", ["a: &a [*a]\n", "a: \x01\n", "a: !!timestamp x\n", "a: .nan\n"], ids=ascii
)
def test_what_yaml_cannot_express_is_a_problem(
    written: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.yaml").write_text(written)
    code, [line, *_] = linted(capsys, str(tmp_path / "odd.yaml"))
    assert (code, f"{tmp_path / 'odd.yaml'}:1: is not valid YAML: " in line) == (1, True)


def test_a_date_is_a_string_as_for_kubectl(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "date.yaml").write_text(
        GOOD.replace("spec:", "spec:\n  model: {version: 2026-11-01}", 1)
    )
    assert linted(capsys, str(tmp_path / "date.yaml")) == (0, [])


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (("replicas: 2", "replicas: 2.0\n  rollout: {steps: [{setWeight: 2e1}]}"), []),
        (("containerPort: 8080", "containerPort: 8080.0"), []),
        (("replicas: 2", "replicas: 2.5"), ["spec.replicas"]),
        (("spec:", "spec:\n  model: {version: 1:30}"), []),
        (("spec:", "spec:\n  model: {version: 1234e5}"), ["spec.model.version"]),
        (("{name: loan}", "{name: loan, labels: {1: a, on: b}}"), []),
    ],
    ids=str,
)
def test_numbers_and_strings_are_those_that_kubectl_sends(
    change: tuple[str, str],
    problems: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The API server refuses the number 20.0 as a weight, but kubectl sends 20."""
    (tmp_path / "numbers.yaml").write_text(GOOD.replace(*change, 1))
    _, lines = linted(capsys, str(tmp_path / "numbers.yaml"))
    assert [line.split(": ")[1] for line in lines] == problems


def test_a_default_that_is_in_the_way_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = yaml.safe_load(GOOD)
    check = {"name": "slow", "latency": {"tolerance": 1.5}}
    manifest["spec"]["rollout"] = {"analysis": {"checks": [check]}}
    (tmp_path / "slow.yaml").write_text(yaml.safe_dump(manifest))
    assert main(["lint", str(tmp_path / "slow.yaml")]) == 1
    assert "margin must be greater than tolerance: they are 1.5 and 1.5" in capsys.readouterr().out


def test_copies_of_requests_are_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = yaml.safe_load((ROOT / "examples" / "03-gateway.yaml").read_text())
    manifest["spec"]["rollout"]["steps"] = [{"mirror": {"percent": 20}}, {"setWeight": 5}]
    path = tmp_path / "loan.yaml"
    path.write_text(yaml.safe_dump(manifest))
    assert main(["lint", str(path)]) == 0
    assert "make sure that it writes, charges and reports nothing" in capsys.readouterr().err


def test_copies_that_no_check_judges_are_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = yaml.safe_load((ROOT / "examples" / "03-gateway.yaml").read_text())
    steps = [{"mirror": {"percent": 20}}, {"setWeight": 5}]
    analysis = {"checks": [{"name": "users", "feedback": {}}]}
    manifest["spec"]["rollout"] = {"steps": steps, "analysis": analysis}
    path = tmp_path / "loan.yaml"
    path.write_text(yaml.safe_dump(manifest))
    assert main(["lint", str(path)]) == 0
    assert "can judge copies of requests: a step mirror passes at once" in capsys.readouterr().err
