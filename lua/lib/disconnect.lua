-- The end of a session: reported by its node, or with its node's lease.
-- USES tenant user agent contact events line finish place settle connected grace lifetime node watch position

-- The current session of a user is gone. A customer who waits keeps his place, held; one who is being prepared goes
-- back to it, and his agent is free at once. From service, while his call rings, and from an agent, nothing is taken
-- before the grace ends.
local function disconnect(u)
  let_session_go(redis.call('HGET', u.key, 'node') or '', u.session, u.id)
  put(u, {session = ''})
  put(u, {node = ''})
  review_lifetime(u)
  if u.serves ~= '' then set_connected(u, 0) end
  if is_awaited(u) then arm_grace(u) end
  local c = u.contact ~= '' and contact(u.contact)
  if c and c.presence ~= 'none' then
    if c.state == 'waiting' then
      leave_line(c)
      put(c, {state = 'held'})
      redis.call('ZADD', HELD .. c.queue_id, c.queued_at, c.id)
      emit('contact.held', u.id, contact_pieces(c, position(c)))
      ring(c.queue_id)
    elseif c.state == 'preparing' and not is_ringing(c) then
      local holder = end_assignment(c, 'cancelled', 'customer_left')
      place(c, 'customer_left')
      settle(holder, 'customer_left')
    end
  end
  settle(u, 'disconnected')
end

-- End a session of whatever kind; return whether it was one. One that was replaced is none any more.
local function end_session(u, session)
  if session == '' then return false end
  if u.session ~= session then return end_watch(u, session) end
  disconnect(u)
  return true
end
