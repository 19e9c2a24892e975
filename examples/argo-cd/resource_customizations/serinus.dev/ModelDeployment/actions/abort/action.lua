local candidate = obj.status.candidate
obj.metadata.annotations = obj.metadata.annotations or {}
-- once for each rollout
obj.metadata.annotations["serinus.dev/command"] = "abort/" .. candidate.revision .. "/" .. candidate.since
return obj
