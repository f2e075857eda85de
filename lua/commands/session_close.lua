-- A connection of a user is gone. A session that is not the current one changes nothing.
--
-- KEYS   meta guard
-- ARGV   session_id
-- REPLY  true where it was the current one
-- ERRORS none
-- EVENTS contact.held contact.entered contact.ended contact.left assignment.cancelled assignment.offered contact.matched agent.changed
-- CALLS  70 + 4 * served
-- FLAGS  allow-oom
-- USES   tenant fail done finish settle connected place grace lifetime agent
--
-- A customer who waits keeps his place, held; one who is being prepared goes back to it, and his agent is free at
-- once. From service, and while his call rings, nothing is taken before the grace ends.
local u = agent(actor)
if u.session == '' or u.session ~= session_id then return {'OK', 'false', ''} end
put(u, 'session', '')
put(u, 'node', '')
review_lifetime(u)
if u.serves ~= '' then set_connected(u, 0) end
local c = u.contact ~= '' and contact(u.contact)
if is_awaited(u) then arm('grace', actor, now + grace_ms(u)) end
if c and c.presence ~= 'none' then
  if c.state == 'waiting' then
    leave_line(c)
    put(c, 'state', 'held')
    redis.call('ZADD', HELD .. c.queue_id, c.queued_at, c.id)
    emit('contact.held', contact_json(c, position(c)), actor)
    ring(c.queue_id)
  elseif c.state == 'preparing' and not is_ringing(c) then
    local holder = end_assignment(c, 'cancelled', 'customer_left')
    place(c, 'customer_left')
    settle(holder, 'customer_left')
  end
end
settle(u, 'disconnected')
return done('true')
