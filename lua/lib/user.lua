-- A user: person, session, customer and agent in one hash.
-- USES entity json tenant agent_state
local USER_FIELDS = {
  'name', 'session', 'client', 'epoch', 'offset', 'request_id', 'contact', 'serves', 'dnd', 'dnd_reason',
  'capacity', 'contacts', 'preparing', 'idle_since', 'wrap_until', 'cool_until', 'missed', 'since_at',
}
local users, all_users = {}, {}
local remembering -- the user whose hash keeps this command's answer

local function user(id)
  local u = users[id]
  if not u then
    u = load(USER .. id, USER_FIELDS)
    u.id = id
    u.state_before = agent_state(u)
    u.is_agent = u.serves ~= '' or u.contacts ~= ''
    users[id] = u
    all_users[#all_users + 1] = u
  end
  return u
end

-- Give a user his hash, if he has none. Its epoch tells clients that offsets count from the start.
local function create_user(u)
  if u.epoch == '' then
    put(u, 'epoch', string.format('%.0f', now))
    put(u, 'offset', 0)
  end
end
