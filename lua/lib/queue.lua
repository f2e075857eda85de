-- A queue's policy, as far as most decisions need it.
-- USES entity
-- HASH priority open max_waiting max_wait offer_timeout wrap_up join_when_no_agents deleting wait_num_max=0 waited_ms_max=0
local queues = {}

-- Return a queue, or nil where there is none.
local function queue(id)
  local q = queues[id]
  if q ~= nil then return q or nil end
  local key = QUEUE .. id
  local v = redis.call('HMGET', key, FIELDS_QUEUE)
  q = v[1] and ENTITY_QUEUE
  queues[id] = q
  return q or nil
end
