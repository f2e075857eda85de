-- The state of an agent: the first that applies. `contacts` are the ids he holds, `preparing` the one of
-- them that is only offered or accepted, so that they differ exactly when he serves somebody.
local function agent_state(u)
  if u.session == '' then return 'offline' end
  if u.contacts ~= u.preparing then return 'busy' end
  if u.preparing ~= '' then return 'offered' end
  if u.wrap_until ~= '' then return 'wrapping' end
  if u.cool_until ~= '' then return 'cooling' end
  if u.dnd ~= '' then return 'manual' end
  return 'idle'
end
