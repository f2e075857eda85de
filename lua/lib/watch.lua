-- The watching sessions of a supervisor: beside his current session, each with a memory of requests of its own.
-- USES user entity node lifetime fail
--
-- `watching` in his hash has `client:session:node` of each, the oldest first. Where a session has ended, its client's
-- memory stays (`:client:`), so that what he repeats over a new connection is still done once, until a new client
-- needs the room.
local WATCHES_MAX = 8

local function read_watches(u)
  local list = {}
  -- Of two that end in one script the second must see what became of the first.
  local known = u.watching or redis.call('HGET', u.key, 'watching') or ''
  for owner, session, node in string.gmatch(known, '([^: ]*):([^: ]+):(%S*)') do
    list[#list + 1] = owner ~= '' and {owner = owner, session_id = session, node_id = node} or {owner = session}
  end
  return list
end

local function write_watches(u, list)
  local entries = {}
  for i = 1, #list do
    local watch = list[i]
    entries[i] = watch.session_id and watch.owner .. ':' .. watch.session_id .. ':' .. watch.node_id or ':' .. watch.owner .. ':'
  end
  put(u, {watching = table.concat(entries, ' ')})
  review_lifetime(u)
end

-- Open one for `owner`; return the failure, if any.
local function open_watch(u, owner, session, node)
  if owner == '' or session == '' or string.find(owner .. session .. node, '[: ]') then
    return fail('PARAM_ERR', 'a watching session needs a client')
  end
  local list = read_watches(u)
  local known, free
  for i = 1, #list do
    if list[i].owner == owner then known = i end
    if not free and not list[i].session_id then free = i end
  end
  if not known and #list >= WATCHES_MAX then
    if not free then return fail('RATE_LIMITED', 'at most ' .. WATCHES_MAX .. ' watching sessions of one user') end
    local old = ':' .. table.remove(list, free).owner
    redis.call('HDEL', u.key, 'request_id' .. old, 'request' .. old, 'reply' .. old)
  end
  local before = known and table.remove(list, known)
  if before and before.session_id then let_session_go(before.node_id, before.session_id, u.id) end
  list[#list + 1] = {owner = owner, session_id = session, node_id = node}
  hold_session(node, session, u.id)
  write_watches(u, list)
end

-- End one; return whether there was such a one.
local function end_watch(u, session)
  local list = read_watches(u)
  for i = 1, #list do
    if list[i].session_id == session then
      let_session_go(list[i].node_id, session, u.id)
      list[i].session_id = nil
      write_watches(u, list)
      return true
    end
  end
  return false
end
