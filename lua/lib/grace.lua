-- The time in which somebody without a connection may come back to what waits for him.
-- USES user contact
local function is_awaited(u)
  if u.call ~= '' then return true end
  local c = u.contact ~= '' and contact(u.contact)
  return c and c.presence ~= 'none'
end

local function grace_ms(u)
  local is_agent = u.serves ~= '' or u.contacts ~= ''
  return redis.call('HGET', META, is_agent and 'agent_grace' or 'customer_grace') * 1000
end
