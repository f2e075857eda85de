-- A connection of a user begins: it is his session from now on, an older one is replaced; or it only watches.
--
-- KEYS   meta guard
-- ARGV   session_id node_id name watch
-- REPLY  the snapshot
-- ERRORS PARAM_ERR RATE_LIMITED
-- EVENTS session.replaced contact.resumed contact.left assignment.offered contact.matched agent.changed
-- CALLS  195 + 10 * served
-- USES   tenant fail done place settle snapshot resume connected grace lifetime node watch agent
--
-- A held contact waits again in its old place and is matched in this same step. The snapshot is read after
-- everything else was decided, with the offset that counts this command's own frame. A watching session replaces
-- nothing and is replaced by nothing.
if string.find(session_id, ':', 1, true) then return fail('PARAM_ERR', 'a session id has no colon') end
local u = agent(actor)
if watch == '1' then
  local failure = open_watch(u, client, session_id, node_id)
  if failure then return failure end
end
create_user(u)
-- Written at once: the snapshot reads it from the hash.
if name ~= '' then redis.call('HSET', u.key, 'name', name) end
if watch == '1' then return done(function() return snapshot_json(u) end) end

local was_gone = u.session == ''
if not was_gone then
  let_session_go(redis.call('HGET', u.key, 'node') or '', u.session, actor)
  if u.session ~= session_id then emit('session.replaced', actor, '{"session_id":"' .. u.session .. '"}') end
end
if u.client ~= client then
  put(u, {client = client})
  put(u, {request_id = 0})
  put(u, {reply = ''})
end
put(u, {session = session_id})
put(u, {node = node_id})
hold_session(node_id, session_id, actor)
if was_gone then
  review_lifetime(u)
  if is_awaited(u) then disarm('grace', actor) end
  local c = u.contact ~= '' and contact(u.contact)
  if c and c.state == 'held' then resume(c) end
  if u.serves ~= '' then set_connected(u, 1) end
  settle(u, 'connected')
end
return done(function() return snapshot_json(u) end)
