-- The way of an assignment into service, with a call or without.
-- USES contact user timers events
-- ONCE accept_by_acting begin_service

-- Take the offer as accepted, and its deadline away: what follows has its own time, or none.
local function accept_by_acting(c, u)
  disarm('assignment', c.id)
  put(c, {deadline_at = ''})
  if c.assignment_state == 'offered' then
    put(c, {assignment_state = 'accepted'})
    emit('assignment.accepted', u.id, assignment_pieces(c))
  end
  put(u, {missed = ''})
end

-- Let an accepted assignment be served.
local function begin_service(c, u)
  put(c, {assignment_state = 'serving', state = 'serving'})
  put(u, {preparing = ''})
  redis.call('ZREM', PREPARING .. c.queue_id, c.id)
  redis.call('ZADD', SERVING .. c.queue_id, now_text, c.id)
  ring(c.queue_id)
  -- Also to the agent, for whom a supervisor, or another client of his, may have begun.
  emit('contact.serving', c.agent_id, contact_pieces(c))
  if c.addressee then also_to(c.addressee) end
end
