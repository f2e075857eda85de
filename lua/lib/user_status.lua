-- The status of a user, and telling its changes, in the log, while somebody watches.
-- USES tenant user json events
-- ONCE read_statuses tell_user_changes
-- The first that applies, of what a user's hash says.
local function status_of(session, call_id, contact_id, contact_ids)
  if (session or '') == '' then return 'offline' end
  if (call_id or '') ~= '' then return 'in_call' end
  if (contact_id or '') ~= '' or (contact_ids or '') ~= '' then return 'busy' end
  return 'idle'
end

-- Return a user's status as his hash has it now.
local function user_status_json(id)
  local v = redis.call('HMGET', USER .. id, 'session', 'call', 'contact', 'contacts', 'dnd')
  local dnd = (v[5] or '') == '' and '0' or v[5]
  return '{"user_id":' .. quote_id(id) .. ',"status":"' .. status_of(v[1], v[2], v[3], v[4]) .. '","dnd":' .. dnd .. '}'
end

-- Return the status of everybody whose hash is about to be written.
local function read_statuses()
  local before = {}
  for id, u in pairs(users) do
    if u.writes then before[id] = user_status_json(id) end
  end
  return before
end

-- Tell whose status has changed since `before`.
local function tell_user_changes(before)
  for id, json in pairs(before) do
    local json_now = user_status_json(id)
    if json_now ~= json then emit('user.status', nil, json_now) end
  end
end
