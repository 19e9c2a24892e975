"""Whether a policy is still the same."""

import hashlib
import json
from typing import Any

from serinus.api.spec import Rollout


def policy_digest(rollout: Rollout) -> str:
    """A hash of what the user wrote in spec.rollout, 12 characters. Whoever pauses a rollout, or
    lets it go on, changes no policy."""
    written = _written(rollout)
    written.pop("paused", None)
    return hash_of(written)


def is_of(digest: str, rollout: Rollout) -> bool:
    """Whether a digest is that of this policy; earlier versions took `paused` for a part of it."""
    return digest in (policy_digest(rollout), hash_of(_written(rollout)))


def _written(rollout: Rollout) -> dict[str, Any]:
    listed = rollout.filled(analysis=rollout.analysis.as_listed())
    written: dict[str, Any] = listed.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return written


def hash_of(written: Any) -> str:
    """A hash of any JSON, 12 characters."""
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:12]
