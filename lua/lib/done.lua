-- The end of a command: derived events, offsets, the remembered answer, writes, log, frames, reply.
-- USES tenant user events timers entity
-- INLINE done
-- ENDS tell_agent_changes settle_lifetimes forget_queues
local LOG_ENTRIES_MAX = '1000000'

-- Count a frame for each recipient whose hash is written anyway.
local function count_frames()
  for id in pairs(frames) do
    local u = users[id]
    if u then
      local offset = string.format('%d', u.offset + 1)
      put(u, 'offset', offset)
    end
  end
end

local function publish()
  if log[1] then
    local entry = '[' .. (log[2] and table.concat(log, ',') or log[1]) .. ']'
    local cursor = redis.call('XADD', LOG, 'MAXLEN', '~', LOG_ENTRIES_MAX, '*', 'at', now_text, 'events', entry)
    redis.call('SPUBLISH', FEED, '{"cursor":"' .. cursor .. '","at":' .. now_text .. ',"events":' .. entry .. '}')
  end
  for id, events in pairs(frames) do
    local u = users[id]
    local offset = u and u.offset or redis.call('HINCRBY', USER .. id, 'offset', '1')
    redis.call('SPUBLISH', TO .. id, '{"events":[' .. events .. '],"offset":' .. offset .. ',"at":' .. now_text .. '}')
  end
  for id, events in pairs(bells) do
    local seq = redis.call('HINCRBY', QUEUE .. id, 'queue_seq', '1')
    redis.call('SPUBLISH', ABOUT .. id,
      '{"events":[' .. events .. '],"queue_id":"' .. id .. '","queue_seq":' .. seq .. ',"at":' .. now_text .. '}')
  end
end

-- `body` is the answer as JSON, or a function that makes it once everything else is decided.
local function done(body)
  tell_agent_changes()
  count_frames()
  if type(body) == 'function' then body = body() end
  if remembering then
    put(remembering, 'request_id', request_id)
    put(remembering, 'request', script)
    put(remembering, 'reply', body)
  end
  flush()
  write_time()
  settle_lifetimes()
  publish()
  forget_queues()
  return {'OK', body, due_at or ''}
end
