-- A call between two users. Both point at it with `call`, from ringing to its end; then its hash goes.
-- USES user agent json events timers lifetime grace
-- ONCE end_call end_call_of leave_call
-- HASH caller_id caller_name callee_id callee_name state meeting ext contact_id
--
-- In the scripts a call is `k`. Its id begins with the time: that is `started_at`. The call of a contact is the one
-- its customer is in: with an open contact he is in no other.

local UNASSIGNED_RING_MS = 30000

-- Return for how long the call of a contact of that queue rings; without a queue, one that is of no contact.
local function ring_ms(queue_id)
  return queue_id == '' and UNASSIGNED_RING_MS or redis.call('HGET', QUEUE .. queue_id, 'ring_timeout') * 1000
end

-- Return a call, or nil where there is none.
local function find_call(id)
  local key = CALL .. id
  local v = redis.call('HMGET', key, FIELDS_CALL)
  if not v[1] then return nil end
  return ENTITY_CALL
end

-- Return a call that is not in Redis yet.
local function new_call(id, caller, callee, meeting, ext, contact_id)
  local key, v = CALL .. id, {}
  local k = ENTITY_CALL
  put(k, {
    caller_id = caller.id, caller_name = redis.call('HGET', caller.key, 'name') or '',
    callee_id = callee.id, callee_name = redis.call('HGET', callee.key, 'name') or '',
    state = 'ringing', meeting = meeting, ext = ext, contact_id = contact_id,
  })
  return k
end

-- Return the call as JSON. `ext` is the caller's, or of whoever answers or ends it; `reason` says why it ended.
local function call_json(k, ext, reason)
  return '{"call_id":"' .. k.id .. '","caller_id":' .. quote_id(k.caller_id) .. ',"caller_name":' .. quote(k.caller_name)
    .. ',"callee_id":' .. quote_id(k.callee_id) .. ',"callee_name":' .. quote(k.callee_name)
    .. ',"state":"' .. k.state .. '","meeting":' .. k.meeting .. ',"ext":' .. quote(ext)
    .. ',"started_at":' .. string.sub(k.id, 1, 13)
    .. (k.contact_id == '' and '' or ',"contact_id":"' .. k.contact_id .. '"')
    .. (reason and ',"reason":"' .. reason .. '"}' or '}')
end

-- Take both parties out of a call. Who is told, and what follows for their work, is the caller's business.
local function leave_call(k)
  if k.state == 'ringing' then disarm('ring', k.id) end
  k.state = 'ended'
  redis.call('UNLINK', k.key)
  for _, id in ipairs({k.caller_id, k.callee_id}) do
    local u = agent(id)
    put(u, {call = ''})
    if u.session == '' then has_less(u) end
  end
end

-- End a call by neither party's doing: both are told why.
local function end_call(k, reason)
  leave_call(k)
  local json = call_json(k, '', reason)
  emit('call.ended', k.caller_id, json)
  also_to(k.callee_id)
end

-- End the call of a contact, if there is one.
local function end_call_of(c, reason)
  local id = user(c.customer_id).call
  if id ~= '' then end_call(find_call(id), reason) end
end
