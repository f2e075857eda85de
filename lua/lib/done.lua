-- The end of a command: derived events, offsets, the remembered answer, writes, the entry, reply.
-- USES tenant user events timers entity user_status
-- ONCE done
-- ENDS tell_agent_changes settle_lifetimes forget_queues
local LOG_ENTRIES_MAX = '1000000'
local KEY_KEPT_MS = '3600000'

-- `body` is the answer as JSON, or a function that makes it once everything else is decided.
local function done(body)
  tell_agent_changes()
  -- An entry counts in its users' offsets: with the other changes of a hash that is written anyway, else by itself.
  for id in pairs(told) do
    local u = users[id]
    if u then put(u, {offset = string.format('%d', u.offset + 1)}) end
  end
  if type(body) == 'function' then body = body() end
  if remembering then
    put(remembering, 'request_id' .. memory, request_id, 'request' .. memory, script, 'reply' .. memory, body)
  elseif keep_as then
    redis.call('SET', keep_as, string.match(request_id, '^%x+ ') .. body, 'PX', KEY_KEPT_MS)
  end

  local statuses = is_watched and read_statuses()
  for i = 1, #changed do
    local touched = changed[i]
    redis.call('HSET', unpack(touched.writes, 1, touched.count))
  end
  if statuses then tell_user_changes(statuses) end
  if stamped then redis.call('HSET', META, 'now', now_text, 'seq', now_text == tenant[1] and tenant[2] or '-1') end
  settle_lifetimes()

  -- Send the entry: into the log, live to its readers, to each user that it tells something, to each queue it rings.
  local n = pieces_n
  if n > 3 or next(bells) then
    entry[2] = now_text
    n = n + 1
    entry[n] = '],"offsets":{'
    local separator = ''
    for id, json in pairs(told) do
      local u = users[id]
      entry[n + 1], entry[n + 2], entry[n + 3] = separator, json, ':'
      entry[n + 4] = u and u.offset or string.format('%d', redis.call('HINCRBY', USER .. id, 'offset', '1'))
      n, separator = n + 4, ','
    end
    n = n + 1
    entry[n] = '},"queues":{'
    separator = '"'
    for id in pairs(bells) do
      entry[n + 1], entry[n + 2], entry[n + 3] = separator, id, '":'
      entry[n + 4] = string.format('%d', redis.call('HINCRBY', QUEUE .. id, 'queue_seq', '1'))
      n, separator = n + 4, ',"'
    end
    entry[n + 1] = '}}'
    local text = table.concat(entry)
    if pieces_n > 3 then
      redis.call('XADD', LOG, 'MAXLEN', '~', LOG_ENTRIES_MAX, '*', 'entry', text)
      redis.call('SPUBLISH', FEED, text)
    end
    for id in pairs(told) do redis.call('SPUBLISH', TO .. id, text) end
    for id in pairs(bells) do redis.call('SPUBLISH', ABOUT .. id, text) end
  end
  forget_queues()
  return {'OK', body, due_at or ''}
end
