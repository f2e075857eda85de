-- The end of assignments and of contacts.
-- USES tenant user agent queue contact events timers line lifetime grace call
-- ONCE end_assignment end_contact end_service end_without_session after_service
local KEPT_MS = '600000'

-- Return the contacts that an agent holds beside one.
local function contacts_without(u, c)
  local kept = ''
  for id in string.gmatch(u.contacts, '%S+') do
    if id ~= c.id then kept = kept == '' and id or kept .. ' ' .. id end
  end
  return kept
end

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
  local kept = u.contacts == c.id and '' or contacts_without(u, c)
  if c.assignment_state == 'serving' then
    redis.call('ZREM', SERVING .. c.queue_id, c.id)
    put(u, {contacts = kept})
  else
    redis.call('ZREM', PREPARING .. c.queue_id, c.id)
    disarm('assignment', c.id)
    put(u, {contacts = kept, preparing = ''})
    put(c, {agent_id = ''})
  end
  if u.session == '' then has_less(u) end
  ring(c.queue_id)
  put(c, {assignment_state = ''})
  return u
end

-- Let go of a customer without a connection, whose contact has ended.
local function end_without_session(customer, c)
  if c.presence ~= 'none' then disarm('grace', customer.id) end
  review_lifetime(customer)
end

-- End a contact that is in no place any more.
local function end_contact(c, reason)
  if c.state ~= 'ended' then put(c, {state = 'ended', reason = reason, ended_at = now_text}) end
  redis.call('PEXPIRE', c.key, KEPT_MS)
  local customer = user(c.customer_id)
  put(customer, {contact = ''})
  if customer.session == '' then end_without_session(customer, c) end
  emit('contact.ended', c.addressee, contact_pieces(c))
end

-- Let an agent wrap up after a contact in service. Of two wrap-ups (capacity above 1) the one that ends later counts.
local function wrap_up(u, q)
  local ends_at = now + q.wrap_up * 1000
  if ends_at > (tonumber(u.wrap_until) or now) then put(u, {wrap_until = arm('wrap', u.id, ends_at)}) end
end

-- A queue that is being deleted goes when the last contact in service has ended: the next tick looks.
local function look_again_if_deleting(q)
  if q.deleting ~= '' and redis.call('ZCARD', SERVING .. q.id) == 0 then arm('delete', q.id, now) end
end

local function after_service(u, q, reason)
  -- Who is lost does not wrap up.
  if reason ~= 'agent_lost' then wrap_up(u, q) end
  look_again_if_deleting(q)
end

-- End a contact in service. Return the agent who served it, to be settled.
local function end_service(c, reason)
  local q = queue(c.queue_id)
  end_call_of(c, reason)
  -- First, so that the completed assignment tells what became of its contact.
  put(c, {state = 'ended', reason = reason, ended_at = now_text})
  local u = end_assignment(c, 'completed')
  if q.wrap_up ~= '0' or q.deleting ~= '' then after_service(u, q, reason) end
  end_contact(c, reason)
  return u
end
