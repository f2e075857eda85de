-- An agent as JSON.
-- USES user json
local function agent_json(u)
  local served = redis.call('ZRANGE', AGENT_QUEUES .. u.id, 0, -1, 'WITHSCORES')
  local services, held = {}, {}
  for i = 1, #served, 2 do
    services[#services + 1] = '{"queue_id":"' .. served[i] .. '","priority":' .. served[i + 1] .. '}'
  end
  for id in string.gmatch(u.contacts, '%S+') do held[#held + 1] = '"' .. id .. '"' end
  return table.concat({
    '{"agent_id":', quote(u.id), ',"name":', quote(u.name), ',"state":"', agent_state(u), '","since_at":',
    u.since_at == '' and now or u.since_at, ',"dnd":', u.dnd == '' and '0' or u.dnd,
    u.dnd_reason == '' and '' or ',"dnd_reason":' .. quote(u.dnd_reason),
    ',"queues":[', table.concat(services, ','), '],"load":', #held,
    ',"capacity":', u.capacity == '' and '1' or u.capacity, ',"contacts":[', table.concat(held, ','), ']}',
  })
end
