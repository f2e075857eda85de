-- The end of a command: derived events, offsets, the remembered answer, writes, log, frames, reply.
-- USES tenant user events timers entity user_status
-- ENDS tell_agent_changes settle_lifetimes forget_queues
local LOG_ENTRIES_MAX = '1000000'
local KEY_KEPT_MS = '3600000'

-- Send the entry: into the log, live to its readers, to each user that it tells something, to each queue it rings.
local function send()
  local has_events = pieces_n > 3
  if not has_events and not next(bells) then return end
  local n = pieces_n + 1
  entry[2], entry[n] = now_text, '],"offsets":{'
  for id, quoted in pairs(told) do
    local u = users[id]
    entry[n + 1] = entry[n] == '],"offsets":{' and quoted or ',' .. quoted
    entry[n + 2], entry[n + 3] = ':', u and u.offset or string.format('%d', redis.call('HINCRBY', USER .. id, 'offset', '1'))
    n = n + 3
  end
  n = n + 1
  entry[n] = '},"queues":{'
  for id in pairs(bells) do
    entry[n + 1] = entry[n] == '},"queues":{' and '"' or ',"'
    entry[n + 2], entry[n + 3] = id, '":'
    entry[n + 4] = string.format('%d', redis.call('HINCRBY', QUEUE .. id, 'queue_seq', '1'))
    n = n + 4
  end
  entry[n + 1] = '}}'
  local text = table.concat(entry)
  if has_events then
    redis.call('XADD', LOG, 'MAXLEN', '~', LOG_ENTRIES_MAX, '*', 'entry', text)
    redis.call('SPUBLISH', FEED, text)
  end
  for id in pairs(told) do redis.call('SPUBLISH', TO .. id, text) end
  for id in pairs(bells) do redis.call('SPUBLISH', ABOUT .. id, text) end
end

-- `body` is the answer as JSON, or a function that makes it once everything else is decided.
local function done(body)
  tell_agent_changes()
  -- An entry counts in its users' offsets: with the other changes of a hash that is written anyway, else by itself.
  for id in pairs(told) do
    local u = users[id]
    if u then put(u, 'offset', string.format('%d', u.offset + 1)) end
  end
  if type(body) == 'function' then body = body() end
  if remembering then
    put(remembering, 'request_id' .. memory, request_id)
    put(remembering, 'request' .. memory, script)
    put(remembering, 'reply' .. memory, body)
  elseif keep_as then
    redis.call('SET', keep_as, string.match(request_id, '^%x+ ') .. body, 'PX', KEY_KEPT_MS)
  end

  local statuses = read_statuses()
  for i = 1, #changed do redis.call('HSET', unpack(changed[i])) end
  tell_user_changes(statuses)
  if stamped then redis.call('HSET', META, 'now', now_text, 'seq', now_text == tenant[1] and tenant[2] or '-1') end
  settle_lifetimes()
  send()
  forget_queues()
  return {'OK', body, due_at or ''}
end
