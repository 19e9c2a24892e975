local candidate = obj.status.candidate
obj.metadata.annotations = obj.metadata.annotations or {}
-- once for each step, and for each time that traffic was withdrawn
local place = candidate.withdrawn ~= nil and candidate.withdrawn.since or candidate.since .. "/" .. (candidate.step or 0)
obj.metadata.annotations["serinus.dev/command"] = "advance/" .. candidate.revision .. "/" .. place
return obj
