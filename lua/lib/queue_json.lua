-- A queue's whole policy, and its counts, as JSON.
-- USES json tenant
local function queue_json(id, status)
  local v = redis.call('HMGET', QUEUE .. id, 'name', 'description', 'priority', 'open', 'max_waiting', 'max_wait',
    'offer_timeout', 'connect_timeout', 'ring_timeout', 'reject_cooldown', 'missed_limit', 'wrap_up',
    'service_level', 'join_when_no_agents', 'deleting')
  return table.concat({
    '{"queue_id":"', id, '","name":', quote(v[1]), ',"description":', quote(v[2]), ',"priority":', v[3],
    ',"open":', v[4] == '1' and 'true' or 'false', ',"max_waiting":', v[5], ',"max_wait":', v[6],
    ',"offer_timeout":', v[7], ',"connect_timeout":', v[8], ',"ring_timeout":', v[9], ',"reject_cooldown":', v[10],
    ',"missed_limit":', v[11], ',"wrap_up":', v[12], ',"service_level":', v[13],
    ',"join_when_no_agents":', v[14] == '1' and 'true' or 'false',
    ',"deleting":', v[15] == '1' and 'true' or 'false', status and ',"status":' .. status .. '}' or '}',
  })
end

-- Counts come from the sizes of the sets, so they cannot drift.
local function status_json(id)
  local oldest = now
  for _, line in ipairs({WAITING .. id, HELD .. id}) do
    local first = redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')[2]
    if first and tonumber(first) < oldest then oldest = tonumber(first) end
  end
  return table.concat({
    '{"queue_id":"', id, '","agent_num":', redis.call('ZCOUNT', QUEUE_AGENTS .. id, 1, 1),
    ',"wait_num":', redis.call('ZCARD', WAITING .. id) + redis.call('ZCARD', HELD .. id),
    ',"prepare_num":', redis.call('ZCARD', PREPARING .. id), ',"srv_num":', redis.call('ZCARD', SERVING .. id),
    ',"longest_wait_s":', math.floor((now - oldest) / 1000), '}',
  })
end
