-- The end of serving one queue.
-- USES agent events json grace
local function leave_queue(u, queue_id)
  redis.call('ZREM', AGENT_QUEUES .. u.id, queue_id)
  redis.call('ZREM', QUEUE_AGENTS .. queue_id, u.id)
  redis.call('ZREM', ABLE .. queue_id, u.id)
  local left = u.serves - 1
  put(u, {serves = left > 0 and left or ''})
  if left == 0 then
    redis.call('ZREM', AGENTS, u.id)
    if u.session == '' then has_less(u) end
  end
  emit('agent.service', u.id, '{"agent_id":' .. quote(u.id) .. ',"queue_id":"' .. queue_id .. '","serving":false}')
  ring(queue_id)
end
