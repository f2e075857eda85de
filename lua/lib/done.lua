-- The end of a command: derived events, offsets, the remembered answer, writes, log, frames, reply.
-- USES tenant user events timers entity user_status
-- ENDS tell_agent_changes settle_lifetimes forget_queues
local LOG_ENTRIES_MAX = '1000000'
local KEY_KEPT_MS = '3600000'

-- `body` is the answer as JSON, or a function that makes it once everything else is decided.
local function done(body)
  tell_agent_changes()
  -- A frame counts in its user's offset: with the other changes of a hash that is written anyway, else by itself.
  for id in pairs(frames) do
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

  local ending = ',"at":' .. now_text .. '}'
  if log[1] then
    log[#log + 1] = ']'
    local entry = table.concat(log)
    local cursor = redis.call('XADD', LOG, 'MAXLEN', '~', LOG_ENTRIES_MAX, '*', 'at', now_text, 'events', entry)
    redis.call('SPUBLISH', FEED, '{"cursor":"' .. cursor .. '","events":' .. entry .. ending)
  end
  for id, pieces in pairs(frames) do
    local u = users[id]
    local offset = u and u.offset or redis.call('HINCRBY', USER .. id, 'offset', '1')
    pieces[#pieces + 1] = '],"offset":' .. offset .. ending
    redis.call('SPUBLISH', TO .. id, table.concat(pieces))
  end
  for id, pieces in pairs(bells) do
    local queue_seq = redis.call('HINCRBY', QUEUE .. id, 'queue_seq', '1')
    pieces[1] = pieces[1] or '{"events":['
    pieces[#pieces + 1] = '],"queue_id":"' .. id .. '","queue_seq":' .. queue_seq .. ending
    redis.call('SPUBLISH', ABOUT .. id, table.concat(pieces))
  end
  forget_queues()
  return {'OK', body, due_at or ''}
end
