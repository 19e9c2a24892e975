"""`serinus check-metrics`, on the answers of a real exporter."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, start_http_server

from serinus.cli.__main__ import main

ROOT = Path(__file__).parents[3]
SCRAPES = ROOT / "tests" / "unit" / "views" / "scrapes"


@contextmanager
def exporter(registry: CollectorRegistry) -> Iterator[str]:
    """Its address."""
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_an_address_is_scraped(capsys: pytest.CaptureFixture[str]) -> None:
    registry = CollectorRegistry()
    requests = Counter("model_requests", "", ["code"], registry=registry)
    requests.labels("200").inc(40)
    with exporter(registry) as address:
        assert main(["check-metrics", address, "-o", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [check["state"] for check in found["checks"]] == ["Judged", "Missing"]
    assert found["warnings"] == []


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (None, "no Content-Type"),
        ("text/html", "the Content-Type 'text/html'"),
        ("text/plain; version=0.0.4; charset=utf-8", None),
        ("application/openmetrics-text; version=1.0.0", None),
    ],
)
def test_a_content_type_that_prometheus_refuses_is_told(
    sent: str | None, told: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    class Exporter(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if sent:
                self.send_header("Content-Type", sent)
            self.end_headers()
            self.wfile.write(b'model_requests_total{code="200"} 40\n')

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Exporter) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            main(["check-metrics", f"http://127.0.0.1:{server.server_port}/metrics", "-o", "json"])
        finally:
            server.shutdown()
            thread.join()
    warnings = " ".join(json.loads(capsys.readouterr().out)["warnings"])
    assert ("Content-Type" in warnings, told is None or told in warnings) == (bool(told), True)


def test_a_file_is_read_for_the_checks_of_a_manifest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scrape = str(SCRAPES / "fastapi-instrumentator.txt")
    assert main(["check-metrics", scrape]) == 1
    assert "model_requests_total is not exported" in capsys.readouterr().out
    manifest = ROOT / "examples" / "01-first.yaml"
    assert main(["check-metrics", scrape, "-f", str(manifest)]) == 1
    assert main(["check-metrics", scrape, "--preset", "vLLM"]) == 1
    assert "vllm:time_to_first_token_seconds_bucket is not exported" in capsys.readouterr().out


@pytest.mark.parametrize(
    "source", ["http://127.0.0.1:9/metrics", "http://127.0.0.1:http/metrics", "missing.txt"]
)
def test_what_cannot_be_read_is_told(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-metrics", source]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"serinus: {source}: cannot be ")
    assert "Errno" not in said and "urlopen" not in said


def test_a_page_is_no_scrape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html> <p> </html>")
    assert main(["check-metrics", str(page)]) == 2
    assert "is not the text of a scrape" in capsys.readouterr().err


def test_only_a_check_that_decides_must_have_its_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "examples" / "01-first.yaml").read_text()
    path = tmp_path / "audited.yaml"
    errors = [{"label": "status", "value": "5xx"}]
    checks = [
        {
            "name": "errors",
            "errorRate": {"requests": {"metric": "http_requests_total"}, "errors": errors},
        },
        {"name": "slow", "mode": "Audit", "latency": {}},
    ]
    manifest = yaml.safe_load(text)
    manifest["spec"]["rollout"] = {"analysis": {"checks": checks}}
    path.write_text(yaml.safe_dump(manifest))
    scrape = str(SCRAPES / "fastapi-instrumentator.txt")
    assert main(["check-metrics", scrape, "-f", str(path)]) == 0
    assert "slow (audit)" in capsys.readouterr().out


def test_the_checks_of_what_is_exported_are_printed_as_yaml_that_can_be_pasted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scrape = str(SCRAPES / "flask-exporter.txt")
    assert main(["check-metrics", scrape]) == 1
    printed = capsys.readouterr().out.partition("to paste below spec:\n")[2]
    manifest = yaml.safe_load((ROOT / "examples" / "01-first.yaml").read_text())
    manifest["spec"].update(yaml.safe_load(printed))
    path = tmp_path / "flask.yaml"
    path.write_text(yaml.safe_dump(manifest))
    assert main(["check-metrics", scrape, "-f", str(path)]) == 0
    assert main(["lint", str(path)]) == 0
