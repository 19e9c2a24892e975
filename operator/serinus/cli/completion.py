"""`kubectl_complete-serinus`: completes what is typed, for kubectl and for shells.

kubectl runs it with the words after `kubectl serinus`, the last of which is incomplete. It prints a
candidate per line and then a directive of cobra.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from serinus.cli.__main__ import VERBS, fill
from serinus.cli.files import InputError
from serinus.cli.kubectl import MODEL_DEPLOYMENTS, Kubectl

_FILES: Final = ":0"
"""The shell completes names of files if there is no candidate."""
_NO_FILES: Final = ":4"


def main() -> int:
    """Print the candidates."""
    found = candidates(sys.argv[1:])
    print("\n".join([*(found or ()), _FILES if found is None else _NO_FILES]))
    return 0


def candidates(words: Sequence[str]) -> list[str] | None:
    """Words that may replace the last one; None: the name of a file."""
    *before, current = words or [""]
    if not before:
        return _matching(VERBS, current)
    if before[0] not in VERBS:
        return []
    actions = {
        name: action for action in _actions(before[0]) for name in action.option_strings or [""]
    }
    if current.startswith("-"):
        return _matching(filter(None, actions), current)
    option = actions.get(before[-1])
    if option is not None and option.nargs != 0:
        return _matching(option.choices, current) if option.choices else None
    if "" not in actions:
        return []
    return _matching(_names(before), current) if actions[""].dest == "name" else None


def _actions(verb: str) -> list[argparse.Action]:
    command = argparse.ArgumentParser()
    fill(command, verb)
    return command._actions  # argparse tells its arguments in no other way


def _names(before: Sequence[str]) -> list[str]:
    given = [
        word
        for option, value in pairwise(before)
        if option in ("-n", "--namespace", "--context")
        for word in (option, value)
    ]
    given += [word for word in before if word.startswith(("--namespace=", "--context="))]
    try:
        found = Kubectl(tuple(given)).every(MODEL_DEPLOYMENTS)
    except InputError:
        return []
    return [each["metadata"]["name"] for each in found]


def _matching(words: Iterable[str], prefix: str) -> list[str]:
    return [word for word in words if word.startswith(prefix)]
