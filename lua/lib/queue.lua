-- A queue's policy, as far as most decisions need it.
-- USES entity
local queues = {}

-- Return a queue, or nil where there is none.
local function queue(id)
  local q = queues[id]
  if q ~= nil then return q or nil end
  q = fetch(QUEUE, id, {
    priority = false, open = '', max_waiting = '0', max_wait = '0', offer_timeout = '0', wrap_up = '0',
    join_when_no_agents = '', deleting = '',
  })
  queues[id] = q.priority and q
  return q.priority and q or nil
end
