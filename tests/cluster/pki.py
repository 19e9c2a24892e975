"""The cluster's certificates: one authority, the API server, one administrator, and who the API
server is to APIs that it aggregates."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

FRONT_PROXY = "front-proxy"
"""Who may say in headers for whom a request is."""
_DAYS = "3650"


def make(folder: Path) -> None:
    """Make what is not there yet: ca, admin and front-proxy (.crt, .key), and service-accounts
    (.pub, .key)."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "ca.crt").exists():
        _key(folder / "ca.key")
        request = ["req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=serinus-cluster"]
        _openssl(folder, *request, "-days", _DAYS, "-out", "ca.crt")
    if not (folder / "admin.crt").exists():
        issue(folder, "admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth")
    if not (folder / "front-proxy.crt").exists():
        issue(folder, "front-proxy", f"/CN={FRONT_PROXY}", "extendedKeyUsage=clientAuth")
    if not (folder / "service-accounts.pub").exists():
        _key(folder / "service-accounts.key")
        public = ["pkey", "-in", "service-accounts.key", "-pubout"]
        _openssl(folder, *public, "-out", "service-accounts.pub")


def issue(folder: Path, name: str, subject: str, extension: str) -> None:
    """Write NAME.key and NAME.crt, signed by the folder's authority."""
    _key(folder / f"{name}.key")
    (folder / f"{name}.ext").write_text(extension + "\n", encoding="utf-8")
    request = ["req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr"]
    _openssl(folder, *request)
    sign = ["x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key"]
    wanted = ["-CAcreateserial", "-days", _DAYS, "-extfile", f"{name}.ext", "-out", f"{name}.crt"]
    _openssl(folder, *sign, *wanted)


def kubeconfig(folder: Path, server: str) -> str:
    """A kubeconfig of the administrator that needs no other file."""

    def data(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    name = "serinus"
    content: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": server, "certificate-authority-data": data("ca.crt")},
            }
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": data("admin.crt"),
                    "client-key-data": data("admin.key"),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return json.dumps(content, indent=2) + "\n"


def _key(path: Path) -> None:
    curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    _openssl(path.parent, "genpkey", *curve, "-out", path.name)
    path.chmod(0o600)


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
