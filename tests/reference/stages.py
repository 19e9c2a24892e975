"""The stages of a rollout as a diagram, from the table of their rules."""

from collections.abc import Iterator
from typing import Final

from serinus.api.stages import Stage
from serinus.plan.stages import RULES

BEGIN: Final = "<!-- begin of what python -m tests.reference writes -->\n"
END: Final = "<!-- end of it -->\n"


def with_diagram(page: str) -> str:
    """The page with the diagram between its two marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise LookupError("the page has no place for the diagram")
    return f"{before}{BEGIN}{_diagram()}{END}{after}"


def _diagram() -> str:
    return "".join(f"{line}\n" for line in ("```mermaid", "stateDiagram-v2", *_arrows(), "```"))


def _arrows() -> Iterator[str]:
    for stage, rules in RULES.items():
        for after, when in rules.leads_to.items():
            yield f"    {_state(stage)} --> {_state(after)}: {when}"


def _state(stage: Stage | None) -> str:
    """Mermaid's name for the state before and after all others is that without a rollout."""
    return stage.value if stage else "[*]"
