obj.metadata.annotations = obj.metadata.annotations or {}
-- once for each stable revision
obj.metadata.annotations["serinus.dev/command"] = "undo/" .. obj.status.former[1] .. "/" .. obj.status.stable.since
return obj
