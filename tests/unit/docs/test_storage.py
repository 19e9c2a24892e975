"""docs/storage.md: its manifest is valid, and it lists what is downloaded and what is not."""

import re

import pytest
import yaml

from serinus.api.storage import DOWNLOADED, is_downloaded, mounted
from serinus.api.validation import problems
from serinus.manifests import download
from tests.support.documents import ROOT

PAGE = (ROOT / "docs" / "storage.md").read_text("utf-8")
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_its_manifest_is_valid() -> None:
    [manifest] = [found for each in YAML if (found := yaml.safe_load(each)).get("kind")]
    assert problems("shop", manifest["metadata"]["name"], manifest["spec"]) == []


def test_its_table_lists_every_scheme() -> None:
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", PAGE.partition("## Downloads")[0], re.MULTILINE)
    named = {uri: what for uris, what in rows for uri in re.findall(r"`([^`]+)`", uris)}
    assert {uri for uri, what in named.items() if "downloaded" in what} == {
        *(scheme for scheme in DOWNLOADED if scheme != "models:/"),
        "models:/name/version",
    }
    assert all(is_downloaded(uri) != ("mounted" in what) for uri, what in named.items())


@pytest.mark.parametrize("uri", ["pvc://claim/path", "oci://registry/model:tag"])
def test_what_it_says_to_be_mounted_is(uri: str) -> None:
    assert uri in PAGE and mounted(uri) is not None


def test_it_names_what_people_see_in_the_cluster() -> None:
    assert download.STORED in PAGE and f"container {download.CONTAINER}:" in PAGE
