"""Runs Argo CD's Lua as Argo CD does: Lua 5.1, the object as a global, and few libraries."""

import copy
from pathlib import Path
from typing import Any

from lupa.lua51 import LuaRuntime, lua_type

CUSTOMIZATIONS = Path(__file__).parents[2] / "examples/argo-cd/resource_customizations"
MODEL_DEPLOYMENT = CUSTOMIZATIONS / "serinus.dev/ModelDeployment"

_WITHOUT = "string math io debug coroutine require package dofile loadfile load loadstring"


def health(live: dict[str, Any]) -> dict[str, Any]:
    """Status and message."""
    found: dict[str, Any] = _run(MODEL_DEPLOYMENT / "health.lua", live)
    return found


def enabled_actions(live: dict[str, Any]) -> set[str]:
    """The actions that Argo CD offers for an object."""
    return {name for name, each in discovered(live).items() if not each["disabled"]}


def discovered(live: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All actions by name."""
    found: dict[str, dict[str, Any]] = _run(MODEL_DEPLOYMENT / "actions/discovery.lua", live)
    return found


def act(action: str, live: dict[str, Any]) -> dict[str, Any]:
    """The object after an action."""
    changed: dict[str, Any] = _run(MODEL_DEPLOYMENT / f"actions/{action}/action.lua", live)
    return changed


def _run(script: Path, live: dict[str, Any]) -> Any:
    lua = LuaRuntime(register_eval=False, register_builtins=False)
    lua.execute('getmetatable("").__index = nil')
    for library in _WITHOUT.split():
        lua.globals()[library] = None
    lua.globals().obj = lua.table_from(copy.deepcopy(live), recursive=True)
    return _python(lua.execute(script.read_text(encoding="utf-8")))


def _python(value: Any) -> Any:
    if lua_type(value) != "table":
        return value
    found = {key: _python(each) for key, each in value.items()}
    return list(found.values()) if found and set(found) == set(range(1, len(found) + 1)) else found
