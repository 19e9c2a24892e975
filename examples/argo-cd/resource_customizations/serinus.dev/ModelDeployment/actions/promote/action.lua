local candidate = obj.status.candidate
obj.metadata.annotations = obj.metadata.annotations or {}
-- once for each rollout, and once for the guard after it
local since = candidate.guarding ~= nil and candidate.guarding.since or candidate.since
obj.metadata.annotations["serinus.dev/command"] = "promote/" .. candidate.revision .. "/" .. since
return obj
