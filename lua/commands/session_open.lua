-- A connection of a user begins: it is his session from now on, an older one is replaced.
--
-- KEYS   meta guard
-- ARGV   session_id node_id name
-- REPLY  the snapshot
-- ERRORS none
-- EVENTS session.replaced contact.resumed contact.left assignment.offered contact.matched agent.changed
-- CALLS  190 + 10 * served
-- USES   tenant fail done place settle snapshot resume connected grace lifetime agent
--
-- A held contact waits again in its old place and is matched in this same step. The snapshot is read after
-- everything else was decided, with the offset that counts this command's own frame.
local u = agent(actor)
create_user(u)
local was_gone = u.session == ''
if not was_gone and u.session ~= session_id then
  emit('session.replaced', '{"session_id":"' .. u.session .. '"}', actor)
end
if u.client ~= client then
  put(u, 'client', client)
  put(u, 'request_id', 0)
  put(u, 'reply', '')
end
put(u, 'session', session_id)
put(u, 'node', node_id)
-- Written at once: the snapshot reads it from the hash.
if name ~= '' then redis.call('HSET', u.key, 'name', name) end
if was_gone then
  review_lifetime(u)
  if is_awaited(u) then disarm('grace', actor) end
  local c = u.contact ~= '' and contact(u.contact)
  if c and c.state == 'held' then resume(c) end
  if u.serves ~= '' then set_connected(u, 1) end
  settle(u, 'connected')
end
return done(function() return snapshot_json(u) end)
