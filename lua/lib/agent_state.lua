-- The state of an agent: the first that applies. Busy is who serves somebody or is in a call. `contacts` are the ids he
-- holds, `preparing` the one of them that is only offered or accepted, so that they differ exactly when he serves.
local function agent_state(u)
  if u.session == '' then return 'offline' end
  if u.contacts ~= u.preparing or u.call ~= '' then return 'busy' end
  if u.preparing ~= '' then return 'offered' end
  if u.wrap_until ~= '' then return 'wrapping' end
  if u.cool_until ~= '' then return 'cooling' end
  if u.dnd ~= '' then return 'manual' end
  return 'idle'
end
