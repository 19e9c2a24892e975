local status = obj.status
local guarded = status.candidate ~= nil and status.candidate.guarding or nil
obj.metadata.annotations = obj.metadata.annotations or {}
-- once for each stable revision, and for each guard, in which stable is the one to return to
local last = guarded ~= nil and status.stable.revision or status.former[1]
local since = guarded ~= nil and guarded.since or status.stable.since
obj.metadata.annotations["serinus.dev/command"] = "undo/" .. last .. "/" .. since
return obj
