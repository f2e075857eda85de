-- Whom a customer reaches: by default only the other party of his contact or call.
-- USES tenant user contact call
local function reaches_everybody()
  return redis.call('HGET', META, 'customer_reach') == 'all'
end

local function reaches(id)
  if id == actor or reaches_everybody() then return true end
  local me = user(actor)
  local c = me.contact ~= '' and contact(me.contact)
  if c and c.agent_id == id then return true end
  local k = me.call ~= '' and find_call(me.call)
  return k and (k.caller_id == id or k.callee_id == id)
end
