-- The end of assignments and of contacts.
-- USES tenant user agent queue contact events timers line lifetime grace call

local KEPT_MS = '600000'

-- Take a contact from its agent. The contact's own place (its state) is the caller's business.
--
-- An assignment that was rejected, or whose customer left, is kept for ten minutes: the same answer repeated, or a
-- late one, is told so. To every other ended one the answer is ASSIGNMENT_GONE, which needs no memory.
local function end_assignment(c, state, reason)
  local u = agent(c.agent_id)
  local event = 'assignment.' .. (state == 'missed' and 'cancelled' or state)
  emit(event, u.id, assignment_pieces(c, state, reason))
  if state == 'rejected' or reason == 'customer_left' then
    redis.call('SET', ASSIGNMENT .. c.id .. '-' .. c.offers, assignment_json(c, state, reason), 'PX', KEPT_MS)
  end
  if c.state == 'serving' then
    redis.call('ZREM', SERVING .. c.queue_id, c.id)
  else
    redis.call('ZREM', PREPARING .. c.queue_id, c.id)
    disarm('assignment', c.id)
    put(u, 'preparing', '')
    put(c, 'agent_id', '')
  end
  local kept = ''
  if u.contacts ~= c.id then
    for id in string.gmatch(u.contacts, '%S+') do
      if id ~= c.id then kept = kept == '' and id or kept .. ' ' .. id end
    end
  end
  put(u, 'contacts', kept)
  if u.session == '' then has_less(u) end
  ring(c.queue_id)
  put(c, 'assignment_state', '')
  return u
end

-- A queue that is being deleted goes when the last contact in service has ended: the next tick looks.
local function look_again_if_deleting(q)
  if q.deleting ~= '' and redis.call('ZCARD', SERVING .. q.id) == 0 then arm('delete', q.id, now) end
end

-- End a contact that is in no place any more.
local function end_contact(c, reason)
  put(c, 'state', 'ended')
  put(c, 'reason', reason)
  put(c, 'ended_at', now_text)
  redis.call('PEXPIRE', c.key, KEPT_MS)
  local customer = user(c.customer_id)
  put(customer, 'contact', '')
  if customer.session == '' then
    if c.presence ~= 'none' then disarm('grace', customer.id) end
    review_lifetime(customer)
  end
  emit('contact.ended', c.addressee, contact_pieces(c))
end

-- Let an agent wrap up after a contact in service.
local function wrap_up(u, q)
  local seconds = tonumber(q.wrap_up)
  if seconds > 0 then put(u, 'wrap_until', arm('wrap', u.id, now + seconds * 1000)) end
end

-- End a contact in service. Return the agent who served it, to be settled. Who is lost does not wrap up.
local function end_service(c, reason)
  local q = queue(c.queue_id)
  end_call_of(c, reason)
  local u = end_assignment(c, 'completed')
  if reason ~= 'agent_lost' then wrap_up(u, q) end
  look_again_if_deleting(q)
  end_contact(c, reason)
  return u
end
