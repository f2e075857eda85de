-- The end of a command: derived events, offsets, the remembered answer, writes, log, frames, reply.
-- USES tenant user events timers entity json
local LOG_ENTRIES_MAX = '1000000'
local USER_KEPT_MS = '86400000'

-- Tell every agent's change of state or settings. Only who serves a queue or holds a contact has a state to tell.
local function emit_agent_changes()
  for i = 1, #agents do
    local u = agents[i]
    local state = agent_state(u)
    local changed = state ~= u.state_before
    if changed then put(u, 'since_at', now_text) end
    if u.settings_changed or (changed and (u.was_agent or u.serves ~= '' or u.contacts ~= '')) then
      local _, load_now = string.gsub(u.contacts, '%S+', '')
      local reason = u.dnd ~= '' and (u.dnd_reason or redis.call('HGET', u.key, 'dnd_reason')) or ''
      local since_at = changed and now_text or redis.call('HGET', u.key, 'since_at') or now_text
      emit('agent.changed', '{"agent_id":' .. quote(u.id) .. ',"old_state":"' .. u.state_before
        .. '","state":"' .. state .. '","cause":"' .. (u.cause or '') .. '","since_at":' .. since_at
        .. ',"dnd":' .. (u.dnd == '' and '0' or u.dnd) .. (reason == '' and '' or ',"dnd_reason":' .. quote(reason))
        .. ',"load":' .. load_now .. ',"capacity":' .. (u.capacity == '' and '1' or u.capacity) .. '}', u.id)
    end
  end
end

-- Count a frame for each recipient.
local function count_frames()
  for i = 1, #recipients do
    local id = recipients[i]
    local u = users[id]
    if u then
      local offset = tostring(u.offset + 1)
      put(u, 'offset', offset)
      frames[id].offset = offset
    else
      frames[id].offset = redis.call('HINCRBY', USER .. id, 'offset', 1)
    end
  end
end

-- Let the hash of a user with nothing that should last go after a day.
local function settle_lifetimes()
  for _, u in pairs(users) do
    if u.lifetime_changed then
      local settings = redis.call('HMGET', u.key, 'dnd', 'capacity')
      if u.session == '' and u.contact == '' and u.serves == '' and u.contacts == ''
          and (settings[1] or '') == '' and (settings[2] or '') == '' then
        redis.call('PEXPIRE', u.key, USER_KEPT_MS)
      else
        redis.call('PERSIST', u.key)
      end
    end
  end
end

local function publish()
  if #logged > 1 then
    local json = join(logged, ']')
    local cursor = redis.call('XADD', LOG, 'MAXLEN', '~', LOG_ENTRIES_MAX, '*', 'at', now_text, 'events', json)
    redis.call('SPUBLISH', FEED, '{"cursor":"' .. cursor .. '","at":' .. now_text .. ',"events":' .. json .. '}')
  end
  for i = 1, #recipients do
    local id = recipients[i]
    local frame = frames[id]
    redis.call('SPUBLISH', TO .. id, join(frame, '],"offset":' .. frame.offset .. ',"at":' .. now_text .. '}'))
  end
  for i = 1, #rung do
    local id = rung[i]
    local seq = redis.call('HINCRBY', QUEUE .. id, 'queue_seq', 1)
    redis.call('SPUBLISH', ABOUT .. id,
      join(bells[id], '],"queue_id":"' .. id .. '","queue_seq":' .. seq .. ',"at":' .. now_text .. '}'))
  end
end

-- `body` is the answer as JSON, or a function that makes it once everything else is decided.
local function done(body)
  emit_agent_changes()
  count_frames()
  if type(body) == 'function' then body = body() end
  if remembering then
    put(remembering, 'request_id', request_id)
    put(remembering, 'reply', body)
  end
  flush()
  if stamped then redis.call('HSET', META, 'now', now_text, 'seq', last_seq) end
  settle_lifetimes()
  publish()
  for i = 1, #dropped do redis.call('UNLINK', QUEUE .. dropped[i]) end
  return {'OK', body, due_at and string.format('%.0f', due_at) or ''}
end
