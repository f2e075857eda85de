-- A queue's policy.
-- USES entity
local QUEUE_FIELDS = {
  'priority', 'open', 'max_waiting', 'max_wait', 'offer_timeout', 'connect_timeout', 'reject_cooldown',
  'missed_limit', 'wrap_up', 'join_when_no_agents', 'deleting',
}
local queues = {}

-- Return a queue, or nil where there is none.
local function queue(id)
  local q = queues[id]
  if q == nil then
    q = load(QUEUE .. id, QUEUE_FIELDS)
    q.id = id
    if q.priority == '' then q = false end
    queues[id] = q
  end
  return q or nil
end
