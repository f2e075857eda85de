-- The time in which somebody without a connection may come back to what waits for him: a customer to his contact, an
-- agent to his queues and his work, either to his call.
-- USES user contact timers lifetime
-- ONCE begin_without_session has_less
local function is_awaited(u)
  if u.call ~= '' or u.serves ~= '' or u.contacts ~= '' then return true end
  local c = u.contact ~= '' and contact(u.contact)
  return c and c.presence ~= 'none'
end

local function arm_grace(u)
  local is_agent = u.serves ~= '' or u.contacts ~= ''
  arm('grace', u.id, now + redis.call('HGET', META, is_agent and 'agent_grace' or 'customer_grace') * 1000)
end

-- Less waits for somebody without a connection: with nothing left his grace has nothing to end.
local function has_less(u)
  if not is_awaited(u) then disarm('grace', u.id) end
  review_lifetime(u)
end

-- A customer without a connection joins: he is known by the name given here, and has the grace to come, unless nobody
-- expects him to.
local function begin_without_session(customer, name, presence)
  put(customer, {name = name})
  review_lifetime(customer)
  if presence ~= 'none' then arm_grace(customer) end
end
