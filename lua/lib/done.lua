-- The end of a command: derived events, offsets, the remembered answer, writes, log, frames, reply.
-- USES tenant user events timers entity json
local LOG_ENTRIES_MAX = 1000000
local USER_KEPT_MS = 86400000

-- Tell every agent's change of state or settings. Only who serves a queue or holds a contact has a state to tell.
local function emit_agent_changes()
  for i = 1, #all_users do
    local u = all_users[i]
    local state = agent_state(u)
    local is_agent = u.is_agent or u.serves ~= '' or u.contacts ~= ''
    if is_agent or u.settings_changed then
      if u.since_at == '' or state ~= u.state_before then put(u, 'since_at', now) end
      if u.settings_changed or state ~= u.state_before then
        local _, load_now = string.gsub(u.contacts, '%S+', '')
        emit('agent.changed', table.concat({
          '{"agent_id":', quote(u.id), ',"name":', quote(u.name), ',"old_state":"', u.state_before,
          '","state":"', state, '","cause":"', u.cause or '', '","since_at":', u.since_at,
          ',"dnd":', u.dnd == '' and '0' or u.dnd,
          u.dnd_reason == '' and '' or ',"dnd_reason":' .. quote(u.dnd_reason),
          ',"load":', load_now, ',"capacity":', u.capacity == '' and '1' or u.capacity, '}',
        }), u.id)
      end
    end
  end
end

-- Let the hash of a user with nothing that should last go after a day.
local function settle_lifetime(u)
  if u.session == '' and u.contact == '' and u.serves == '' and u.contacts == '' and u.dnd == ''
      and u.capacity == '' then
    redis.call('PEXPIRE', u.key, USER_KEPT_MS)
  elseif u.epoch ~= '' then
    redis.call('PERSIST', u.key)
  end
end

local function publish()
  local json = table.concat(logged, ',')
  local cursor = redis.call('XADD', LOG, 'MAXLEN', '~', LOG_ENTRIES_MAX, '*', 'at', now, 'events', '[' .. json .. ']')
  redis.call('SPUBLISH', FEED, '{"cursor":"' .. cursor .. '","at":' .. now .. ',"events":[' .. json .. ']}')
  for i = 1, #recipients do
    local id = recipients[i]
    local frame = frames[id]
    redis.call('SPUBLISH', TO .. id, '{"events":[' .. table.concat(frame, ',') .. '],"offset":' .. frame.offset
      .. ',"at":' .. now .. '}')
  end
end

-- `body` is the answer as JSON, or a function that makes it once everything else is decided.
local function done(body)
  emit_agent_changes()
  for i = 1, #recipients do
    local id = recipients[i]
    local u = users[id]
    if u then
      put(u, 'offset', (tonumber(u.offset) or 0) + 1)
      frames[id].offset = u.offset
    else
      frames[id].offset = redis.call('HINCRBY', USER .. id, 'offset', 1)
    end
  end
  if type(body) == 'function' then body = body() end
  if remembering then
    put(remembering, 'request_id', request_id)
    put(remembering, 'reply', body)
  end
  flush()
  if stamped then redis.call('HSET', META, 'now', last_now, 'seq', last_seq) end
  for i = 1, #all_users do
    if all_users[i].lifetime_changed then settle_lifetime(all_users[i]) end
  end
  if #logged > 0 then publish() end
  for i = 1, #rung do
    local id = rung[i]
    local seq = redis.call('HINCRBY', QUEUE .. id, 'queue_seq', 1)
    redis.call('SPUBLISH', ABOUT .. id, '{"queue_id":"' .. id .. '","queue_seq":' .. seq .. ',"events":['
      .. table.concat(bells[id], ',') .. '],"at":' .. now .. '}')
  end
  for i = 1, #dropped do redis.call('UNLINK', QUEUE .. dropped[i]) end
  return {'OK', body, due_at and string.format('%.0f', due_at) or ''}
end
