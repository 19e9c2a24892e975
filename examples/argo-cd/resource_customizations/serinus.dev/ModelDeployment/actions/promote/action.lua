local candidate = obj.status.candidate
obj.metadata.annotations = obj.metadata.annotations or {}
-- once for each rollout
obj.metadata.annotations["serinus.dev/command"] = "promote/" .. candidate.revision .. "/" .. candidate.since
return obj
