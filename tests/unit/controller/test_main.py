"""The command line: where each option comes from, and what is said of one that is wrong."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from serinus.controller.__main__ import JsonFormatter, arguments
from serinus.metrics.labelling import Labelling, matcher
from serinus.prometheus import Header, settings

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SERINUS_")]:
        monkeypatch.delenv(name)


def test_an_option_comes_from_the_command_line_then_the_environment_then_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert arguments().parse_args([]).workers == 8
    monkeypatch.setenv("SERINUS_WORKERS", "3")
    assert arguments().parse_args([]).workers == 3
    assert arguments().parse_args(["--workers", "5"]).workers == 5


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORKERS", "BIND", "NAMESPACE", "PROMETHEUS_CA_FILE", "LEASE_NAMESPACE"):
        monkeypatch.setenv(f"SERINUS_{name}", "")
    options = arguments().parse_args([])
    assert (options.workers, options.bind) == (8, ("0.0.0.0", 8080))
    assert options.namespace is options.prometheus_ca_file is options.lease_namespace is None


def test_what_may_be_given_several_times_has_a_line_each_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster, env = matcher('cluster="a"'), matcher('env!="test"')
    given = ["--prometheus-matcher", 'cluster="a"', "--prometheus-matcher", 'env!="test"']
    assert arguments().parse_args(given).prometheus_matcher == [cluster, env]
    monkeypatch.setenv("SERINUS_PROMETHEUS_MATCHER", 'cluster="a"\nenv!="test"\n')
    assert arguments().parse_args([]).prometheus_matcher == [cluster, env]
    assert arguments().parse_args(given[:2]).prometheus_matcher == [cluster]


def test_how_series_are_read_comes_from_the_command_line() -> None:
    given = [
        *("--prometheus-ca-file=/etc/ca", "--prometheus-token-file=/etc/token"),
        *("--prometheus-namespace-label=ns", "--prometheus-pod-label=p"),
        *("--prometheus-replica-labels=replica,prometheus", "--prometheus-read-offset=1m"),
        "--prometheus-header=X-Scope-OrgID: team-a",
        "--prometheus-header-file=X-Key: /etc/key",
    ]
    read = settings(arguments().parse_args(given))
    assert read == {
        "ca_file": Path("/etc/ca"),
        "token_file": Path("/etc/token"),
        "username_file": None,
        "password_file": None,
        "labelling": Labelling("ns", "p", ("replica", "prometheus")),
        "headers": (Header("X-Scope-OrgID", "team-a"), Header("X-Key", Path("/etc/key"))),
        "read_offset": 60.0,
    }


Refusal = Callable[[str, str], str]
"""What is said as it refuses a value of an option."""


@pytest.fixture(params=["command line", "environment"])
def refusal(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Refusal:
    def refused(option: str, value: str) -> str:
        given = [f"--{option}={value}"]
        if request.param == "environment":
            monkeypatch.setenv(f"SERINUS_{option.upper().replace('-', '_')}", value)
            given = []
        with pytest.raises(SystemExit) as ended:
            arguments().parse_args(given)
        assert ended.value.code == 2
        return capsys.readouterr().err

    return refused


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("matcher", "cluster=a", "is not a matcher such as"),
        ("header", "X-Scope-OrgID=x9q8", "a header must have the form X-Scope-OrgID: team-a"),
        ("header", "Host: x9q8", "the header Host is set by the operator"),
        ("header", "X-Scope-OrgID: x9q8\x07", "the value of the header X-Scope-OrgID"),
        ("header-file", "X-Scope-OrgID", "does not look like X-Scope-OrgID: /path"),
        ("read-offset", "soon", "is not a duration"),
    ],
)
def test_how_series_are_read_is_refused_by_name_and_without_what_may_be_secret(
    refusal: Refusal, option: str, value: str, told: str
) -> None:
    said = refusal(f"prometheus-{option}", value)
    assert f"--prometheus-{option}: " in said
    assert told in said
    assert "x9q8" not in said


CHAT = {"name": "chat", "form": "Slack", "folder": "/etc/chat"}


def test_endpoints_come_from_the_command_line_or_a_line_each_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = [json.dumps({**CHAT, "events": ["Promoted"]}), json.dumps({**CHAT, "name": "b"})]
    read = arguments().parse_args([f"--notify={each}" for each in given]).notify
    assert [(each.name, each.form, each.folder) for each in read] == [
        ("chat", "Slack", "/etc/chat"),
        ("b", "Slack", "/etc/chat"),
    ]
    assert read[0].events == ["Promoted"] and "StepPassed" not in read[1].events
    monkeypatch.setenv("SERINUS_NOTIFY", "\n".join(given))
    assert arguments().parse_args([]).notify == read


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("chat", "not JSON"),
        (json.dumps("chat"), "notify"),
        (json.dumps({"name": "chat", "form": "Slack"}), "notify.folder: "),
        (json.dumps({**CHAT, "form": "x9q8"}), "notify.form: "),
        (json.dumps({**CHAT, "events": ["x9q8"]}), "notify.events[0]: "),
        (json.dumps({**CHAT, "url": "https://hooks/x9q8"}), "notify.url: "),
    ],
)
def test_an_endpoint_is_refused_by_its_field_and_without_what_may_be_secret(
    refusal: Refusal, value: str, told: str
) -> None:
    said = refusal("notify", value)
    assert "--notify: " in said and told in said
    assert "x9q8" not in said


def test_two_endpoints_of_one_name_are_refused() -> None:
    command = [sys.executable, "-m", "serinus.controller", "--prometheus-url=http://p:1"]
    given = [f"--notify={json.dumps(CHAT)}"] * 2
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    done = subprocess.run([*command, *given], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--notify: two endpoints have the name chat: rename one" in done.stderr


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::]:8080", ("::", 8080)),
        (":9000", ("", 9000)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_an_address_to_listen_on_may_be_of_any_family(text: str, address: tuple[str, int]) -> None:
    assert arguments().parse_args(["--bind", text]).bind == address


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("bind", "8080", "is not an address such as 0.0.0.0:8080"),
        ("bind", "0.0.0.0:http", "is not an address such as 0.0.0.0:8080"),
        ("bind", "0.0.0.0:99999", "is not an address such as 0.0.0.0:8080"),
        ("workers", "0", "is not a number from 1 to 64"),
        ("workers", "many", "is not a number from 1 to 64"),
        ("workers", "-1", "is not a number from 1 to 64"),
        ("log-format", "xml", "is neither text nor json"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name_wherever_it_comes_from(
    refusal: Refusal, option: str, value: str, told: str
) -> None:
    assert f"--{option}: {value!r} {told}" in refusal(option, value)


def test_help_names_every_option_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments().parse_args(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "SERINUS_PROMETHEUS_URL" in told
    assert "(default: 0.0.0.0:8080)" in told


def test_a_record_as_json_is_one_line_with_the_time_in_utc() -> None:
    try:
        raise ValueError("first line\nsecond line")
    except ValueError:
        record = logging.LogRecord(
            "serinus", logging.ERROR, __file__, 1, "a/b %s", ("failed",), sys.exc_info()
        )
    record.created = 1764032400.25
    line = JsonFormatter().format(record)
    told = json.loads(line)
    assert "\n" not in line
    assert "second line" in told.pop("exception")
    assert told == {
        "time": "2025-11-25T01:00:00.250Z",
        "level": "ERROR",
        "logger": "serinus",
        "message": "a/b failed",
    }


def run(*options: str, kubeconfig: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    return subprocess.run(
        [sys.executable, "-m", "serinus.controller", *options],
        env={**environment, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def unreachable(folder: Path) -> Path:
    """A kubeconfig of an API server that nobody listens for."""
    context = {"cluster": "none", "user": "none"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "none", "user": {}}],
        "contexts": [{"name": "none", "context": context}],
        "current-context": "none",
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def test_without_an_address_of_prometheus_it_says_so(tmp_path: Path) -> None:
    ended = run(kubeconfig=unreachable(tmp_path))
    assert ended.returncode == 2
    assert "error: Prometheus: url must look like http://prometheus:9090" in ended.stderr


def test_a_label_that_cannot_be_is_refused_at_the_start(tmp_path: Path) -> None:
    url, label = "--prometheus-url=http://prometheus:9090", "--prometheus-pod-label=namespace"
    ended = run(url, label, kubeconfig=unreachable(tmp_path))
    assert ended.returncode == 2
    assert "error: Prometheus: namespace_label and pod_label are both namespace" in ended.stderr


def test_without_a_kubeconfig_it_says_so_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "missing"
    ended = run("--prometheus-url=http://prometheus:9090", kubeconfig=path)
    assert ended.returncode == 1
    assert f"cannot start: no API server is configured: no kubeconfig at {path}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_where_it_cannot_listen_it_says_so_and_fails(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        options = ("--prometheus-url=http://prometheus:9090", f"--bind={place}")
        ended = run(*options, kubeconfig=unreachable(tmp_path))
    assert ended.returncode == 1
    assert "cannot start:" in ended.stderr
    assert "address already in use" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_while_it_waits_for_the_api_server(
    number: signal.Signals, tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
    running = subprocess.Popen(
        [sys.executable, "-m", "serinus.controller", "--bind=127.0.0.1:0"],
        env={
            **environment,
            "KUBECONFIG": str(unreachable(tmp_path)),
            "SERINUS_PROMETHEUS_URL": "http://prometheus:9090",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr
    try:
        told = running.stderr.readline()
        running.send_signal(number)
        rest = running.communicate(timeout=30)[1]
    finally:
        running.kill()
    assert running.returncode == 0, told + rest
    assert "127.0.0.1:9" in told
    assert "ended cleanly" in rest
    assert "Traceback" not in rest


COMPANY = {"name": "a", "kind": "MLflow", "url": "https://mlflow", "namespaces": ["shop"]}


def test_registries_come_from_the_command_line_or_a_line_each_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = [json.dumps(COMPANY), json.dumps({**COMPANY, "name": "b", "kind": "OCI"})]
    read = arguments().parse_args([f"--registry={each}" for each in given]).registry
    assert [(each.name, each.kind) for each in read] == [("a", "MLflow"), ("b", "OCI")]
    monkeypatch.setenv("SERINUS_REGISTRY", "\n".join(given))
    assert arguments().parse_args([]).registry == read


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("company", "not JSON"),
        (json.dumps({**COMPANY, "kind": "x9q8"}), "registry.kind: "),
        (json.dumps({**COMPANY, "url": "https://user:x9q8@mlflow"}), "registry.url: "),
        (json.dumps({**COMPANY, "url": "http://x9q8"}), "allowHttp"),
        (json.dumps({**COMPANY, "password": "x9q8"}), "registry.password: "),
    ],
)
def test_a_registry_is_refused_by_its_field_and_without_what_may_be_secret(
    refusal: Refusal, value: str, told: str
) -> None:
    said = refusal("registry", value)
    assert "--registry: " in said and told in said
    assert "x9q8" not in said
