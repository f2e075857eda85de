-- An agent as JSON.
-- USES tenant agent json
local function agent_json(u)
  local served = redis.call('ZRANGE', AGENT_QUEUES .. u.id, 0, -1, 'WITHSCORES')
  local services, held = {}, {}
  local about = redis.call('HMGET', u.key, 'name', 'since_at', 'dnd_reason')
  local reason = u.dnd_reason or about[3] or ''
  for i = 1, #served, 2 do
    services[#services + 1] = '{"queue_id":"' .. served[i] .. '","priority":' .. served[i + 1] .. '}'
  end
  for id in string.gmatch(u.contacts, '%S+') do held[#held + 1] = '"' .. id .. '"' end
  return table.concat({
    '{"agent_id":', quote_id(u.id), ',"name":', quote(about[1] or ''), ',"state":"', agent_state(u), '","since_at":',
    u.since_at or about[2] or now_text, ',"dnd":', u.dnd == '' and '0' or u.dnd,
    reason == '' and '' or ',"dnd_reason":' .. quote(reason),
    ',"queues":[', table.concat(services, ','), '],"load":', #held,
    ',"capacity":', u.capacity, ',"contacts":[', table.concat(held, ','), ']}',
  })
end
