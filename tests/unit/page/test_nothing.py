"""An empty page says where it has looked."""

import pytest

from serinus.cli.dashboard import nothing_in as locally
from serinus.page.__main__ import nothing_in as in_a_cluster
from serinus.page.rendering import RowFilter, rows


@pytest.mark.parametrize(
    ("said", "named", "remedy"),
    [
        (in_a_cluster(""), "that you may see.", ""),
        (in_a_cluster("shop"), "in namespace shop that you may see.", "shows no other namespace."),
        (locally(None, everywhere=True), "There are no ModelDeployments.", ""),
        (locally("shop", everywhere=False), "in namespace shop.", "dashboard -A shows all"),
        (locally(None, everywhere=False), "in this namespace.", "dashboard -A shows all"),
    ],
)
def test_an_empty_list_names_the_namespace_and_how_to_see_others(
    said: str, named: str, remedy: str
) -> None:
    html = "".join(rows([], RowFilter(), 0.0, "./", said))
    assert named in html and remedy in html
    assert ("namespace" in html) == ("namespace" in named)
