"""Whether a policy is still the same."""

import hashlib
import json

from serinus.api.spec import Rollout


def policy_digest(rollout: Rollout) -> str:
    """A hash of what the user wrote in spec.rollout, 12 characters."""
    listed = rollout.filled(analysis=rollout.analysis.as_listed())
    written = listed.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:12]
