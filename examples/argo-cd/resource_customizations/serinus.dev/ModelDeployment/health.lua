-- A paused rollout is Suspended, and one that was rolled back is Degraded, with the evidence as the message.
local healths = {
  Healthy = "Healthy", Progressing = "Progressing", Paused = "Suspended",
  RolledBack = "Degraded", Degraded = "Degraded", Unavailable = "Degraded",
}

if obj.metadata.deletionTimestamp ~= nil then
  return {status = "Progressing", message = "It is being deleted."}
end
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "The operator has not read this spec yet."}
end
return {status = healths[obj.status.phase] or "Unknown", message = obj.status.message}
