-- A queue's policy, as far as most decisions need it.
-- USES entity
local queues = {}

-- Return a queue, or nil where there is none.
local function queue(id)
  local q = queues[id]
  if q ~= nil then return q or nil end
  local key = QUEUE .. id
  local v = redis.call('HMGET', key, 'priority', 'open', 'max_waiting', 'max_wait', 'offer_timeout', 'wrap_up',
    'join_when_no_agents', 'deleting')
  q = v[1] and {
    id = id, key = key, priority = v[1], open = v[2], max_waiting = v[3], max_wait = v[4], offer_timeout = v[5],
    wrap_up = v[6], join_when_no_agents = v[7], deleting = v[8],
  }
  queues[id] = q
  return q or nil
end
