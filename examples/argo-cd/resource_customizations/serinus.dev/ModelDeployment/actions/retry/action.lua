local rejected = obj.status.rejected
obj.metadata.annotations = obj.metadata.annotations or {}
-- once for each rejection
obj.metadata.annotations["serinus.dev/command"] = "retry/" .. rejected.revision .. "/" .. rejected.at
return obj
