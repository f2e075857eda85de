-- Count an agent among the connected ones of every queue he serves, or no longer.
-- USES agent events
local function set_connected(u, connected)
  local served = redis.call('ZRANGE', AGENT_QUEUES .. u.id, 0, -1)
  for i = 1, #served do
    redis.call('ZADD', QUEUE_AGENTS .. served[i], connected, u.id)
    ring(served[i])
  end
end
