local status = obj.status or {}
local candidate, rejected, former = status.candidate, status.rejected, status.former
local no_rollout = candidate == nil or candidate.stage == "FirstDeployment"
local guarded = candidate ~= nil and candidate.guarding ~= nil
local last = guarded and status.stable.revision or former ~= nil and former[1] or nil

return {
  ["promote"] = {disabled = no_rollout},
  ["advance"] = {disabled = no_rollout or guarded},
  ["abort"] = {disabled = no_rollout},
  ["retry"] = {disabled = rejected == nil},
  -- the revision in the spec is retried instead
  ["undo"] = {disabled = last == nil or (rejected ~= nil and rejected.revision == last)},
}
