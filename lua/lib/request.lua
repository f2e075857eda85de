-- The memory of requests: a changing command happens once for each (user, client, id), or (user, Idempotency-Key).
-- USES tenant user fail done json
-- ONCE replied
--
-- It is kept in the same script as the change, so an answer that was lost on the way is simply asked for again:
-- the last id gives the first answer, an older one says that it was done. Another command under the last id is a
-- mistake of the caller's, and told so. Errors change nothing and are not kept.
--
-- Without a client the id is "digest key": the Idempotency-Key of an HTTP request, and a digest of what it asks.

-- Return the reply where there is nothing more to do. `load` is how the command reads its actor: user or agent.
local function replied(load)
  if client == '' then
    local digest, key = string.match(request_id, '^(%x+) (.+)$')
    if not key then return nil end
    keep_as = REQUEST .. actor .. '/' .. key
    local kept = redis.call('GET', keep_as)
    if not kept then return nil end
    if string.sub(kept, 1, #digest) ~= digest then return fail('REQUEST_ID_REUSED', 'the key was used otherwise') end
    return {'OK', string.sub(kept, #digest + 2), ''}
  end
  local me = load(actor)
  local last = me.request_id
  if me.client ~= client then
    -- One that watches: see `watch`.
    memory = ':' .. client
    local watching = ' ' .. (redis.call('HGET', me.key, 'watching') or '')
    if not string.find(watching, ' ' .. client .. ':', 1, true) then
      return fail('NOT_LOGIN', 'a newer session took over')
    end
    last = redis.call('HGET', me.key, 'request_id' .. memory) or '0'
  end
  if request_id == '0' then return nil end
  if request_id == last then
    local kept = redis.call('HMGET', me.key, 'reply' .. memory, 'request' .. memory)
    if kept[2] ~= script then return fail('REQUEST_ID_REUSED', 'the id was used for ' .. (kept[2] or 'another')) end
    return {'OK', kept[1], ''}
  end
  if tonumber(request_id) < tonumber(last) then return {'REPEATED', '', ''} end
  remembering = me
  return nil
end
