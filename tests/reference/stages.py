"""The stages of a rollout as a diagram, from the table of their rules."""

from collections.abc import Iterator

from serinus.api.stages import Stage
from serinus.plan.stages import RULES
from tests.support.generated import between_marks


def with_diagram(page: str) -> str:
    """The page with the diagram between its two marks."""
    return between_marks(page, _diagram())


def _diagram() -> str:
    return "".join(f"{line}\n" for line in ("```mermaid", "stateDiagram-v2", *_arrows(), "```"))


def _arrows() -> Iterator[str]:
    for stage, rules in RULES.items():
        for after, when in rules.leads_to.items():
            yield f"    {_state(stage)} --> {_state(after)}: {when}"


def _state(stage: Stage | None) -> str:
    """Mermaid's name for the state before and after all others is that without a rollout."""
    return stage.value if stage else "[*]"
