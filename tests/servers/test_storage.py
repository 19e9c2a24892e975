"""The real initializer downloads a real model, run as the container that is rendered runs it.

The initializer is that of examples/storage-initializer, with KServe's package from PyPI. Only the
folders are others than in a pod.
"""

import http.server
import os
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import pytest
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from serinus.api.initializer import Initializer
from serinus.manifests.owner import Owner
from serinus.manifests.pod_template import pod_template
from serinus.manifests.revision import Revision
from tests.servers.environments import INITIALIZER, STORES, interpreter_with
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "examples" / "storage-initializer" / "initialize.py"
ROWS, APPROVED = [[0.1, 3.0], [0.2, 2.0], [0.9, 0.5], [0.8, 0.1]], [1, 1, 0, 0]
SETTING = Initializer(image="storage-initializer")
BUCKET = {"AWS_ACCESS_KEY_ID": "team", "AWS_SECRET_ACCESS_KEY": "of the team"}
"""A Secret of the user."""
STARTS_WITHIN = 120.0

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a model that has learned something."""
    file = tmp_path_factory.mktemp("trained") / "model.joblib"
    joblib.dump(LogisticRegression(C=100).fit(ROWS, APPROVED), file)
    return file


def container(uri: str, env: Mapping[str, str], secret: str | None) -> dict[str, Any]:
    """The init container of a pod that serves this model."""
    named = [{"name": name, "value": value} for name, value in env.items()]
    told: dict[str, Any] = {"env": named}
    if secret is not None:
        told["envFrom"] = [{"secretRef": {"name": secret}}]
    serves = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
    written = {
        "model": {"storageUri": uri, **told},
        "template": {"spec": {"containers": [serves]}},
    }
    pod = pod_template(Owner("shop", "loan", "4f7c"), Revision.of(written, 1), SETTING)["spec"]
    (found,) = pod["initContainers"]
    assert isinstance(found, dict)
    return found


def downloaded(uri: str, folder: Path, secret: str | None = None, **env: str) -> Done:
    """What comes of the init container, with its arguments and its environment and no other."""
    rendered = container(uri, env, secret)
    source, destination = (each.replace("$$", "$") for each in rendered["args"])
    mounts = {each["mountPath"]: each["name"] for each in rendered["volumeMounts"]}
    places = {path: folder / name for path, name in mounts.items()}
    for place in places.values():
        place.mkdir(parents=True)
    given = {each["name"]: each["value"] for each in rendered["env"]}
    for each in rendered.get("envFrom", ()):
        given |= {"bucket": BUCKET}[each["secretRef"]["name"]]
    given["HOME"] = str(places[given["HOME"]])
    interpreter = interpreter_with("initializer", INITIALIZER)
    return subprocess.run(
        [str(interpreter), str(PROGRAM), source, str(places[destination])],
        env={"PATH": os.environ["PATH"], "TMPDIR": given["HOME"], **given},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def works(folder: Path) -> None:
    """The model is where containers find it, and answers."""
    (file,) = folder.rglob("model.joblib")
    assert file.parent.name == "serinus-model"
    assert list(joblib.load(file).predict(ROWS)) == APPROVED


# where models are


@contextmanager
def process(folder: Path, url: str, *command: str) -> Iterator[str]:
    interpreter = str(interpreter_with("stores", STORES))
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    env["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [interpreter, *command], cwd=folder, env=env, stdout=log, stderr=log
        )
    try:
        _until_it_answers(url, folder / "log")
        yield url
    finally:
        running.terminate()
        running.wait(timeout=30)


def _until_it_answers(url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url}: {error}: {log.read_text()[-2000:]}") from error
        time.sleep(0.3)


@pytest.fixture(scope="module")
def s3(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of an S3 server whose bucket has the model."""
    port, folder = free_port(), tmp_path_factory.mktemp("s3")
    command = ("-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    with process(folder, f"http://127.0.0.1:{port}", *command) as url:
        for path, body in (
            ("", b""),
            ("/loan/1/model.joblib", model.read_bytes()),
            ("/loan/1/meta/schema.json", b"{}"),
            ("/loan/2/model.joblib", b"another"),
        ):
            binary = {"Content-Type": "application/octet-stream"}
            put = urllib.request.Request(f"{url}/models{path}", body, binary, method="PUT")
            urllib.request.urlopen(put, timeout=30).close()
        yield url


class _Binary(http.server.SimpleHTTPRequestHandler):
    def guess_type(self, path: Any) -> str:
        return "application/octet-stream"


@pytest.fixture
def web(model: Path) -> Iterator[str]:
    """The address of an HTTP server that has the model."""
    handler = partial(_Binary, directory=str(model.parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


# what comes of it


def test_a_folder_of_a_bucket_is_downloaded_with_the_users_secret(s3: str, tmp_path: Path) -> None:
    done = downloaded("s3://models/loan/1", tmp_path, "bucket", AWS_ENDPOINT_URL=s3)
    assert done.returncode == 0, done.stderr
    works(tmp_path)
    (schema,) = tmp_path.rglob("schema.json")
    assert schema.relative_to(tmp_path / "serinus-model") == Path("meta/schema.json")


def test_a_bucket_that_is_not_there_is_named_in_the_last_lines(s3: str, tmp_path: Path) -> None:
    done = downloaded("s3://other/loan/1", tmp_path, "bucket", AWS_ENDPOINT_URL=s3)
    assert done.returncode == 1
    assert "s3://other/loan/1" in done.stderr[-600:] and "404" in done.stderr[-600:]


def test_without_credentials_the_last_lines_say_so(s3: str, tmp_path: Path) -> None:
    away = {"AWS_ENDPOINT_URL": s3, "AWS_EC2_METADATA_DISABLED": "true"}
    done = downloaded("s3://models/loan/1", tmp_path, **away)
    assert done.returncode == 1
    assert "credentials" in done.stderr[-600:].lower()


def test_a_file_of_a_web_server_is_downloaded(web: str, tmp_path: Path) -> None:
    done = downloaded(f"{web}/model.joblib", tmp_path)
    assert done.returncode == 0, done.stderr
    works(tmp_path)


def test_a_file_that_is_not_there_is_named_in_the_last_lines(web: str, tmp_path: Path) -> None:
    done = downloaded(f"{web}/other.joblib", tmp_path)
    assert done.returncode == 1
    assert "not found" in done.stderr[-600:] and f"{web}/other.joblib" in done.stderr[-600:]


_REGISTER = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
with mlflow.start_run() as run:
    mlflow.log_artifact(sys.argv[2], "model")
client = mlflow.MlflowClient()
client.create_registered_model("loan")
client.create_model_version("loan", f"runs:/{run.info.run_id}/model", run.info.run_id)
"""


def test_a_version_in_mlflow_is_downloaded(model: Path, tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "mlflow"
    folder.mkdir()
    command = (
        *("-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/db", "--artifacts-destination", "artifacts"),
    )
    with process(folder, f"http://127.0.0.1:{port}", *command) as url:
        interpreter = str(interpreter_with("stores", STORES))
        subprocess.run([interpreter, "-c", _REGISTER, url, str(model)], check=True)
        place = tmp_path / "pod"
        done = downloaded("models:/loan/1", place, MLFLOW_TRACKING_URI=url)
        assert done.returncode == 0, done.stderr
        works(place)
        gone = downloaded("models:/loan/7", tmp_path / "other", MLFLOW_TRACKING_URI=url)
    assert gone.returncode == 1 and "loan" in gone.stderr[-600:]
