-- A user: person, session, customer and agent in one hash. `user` reads what every command needs of a person,
-- `agent` what decides over his work as well.
-- USES tenant entity agent_state
local users, agents = {}, {}
local remembering -- the user whose hash keeps this command's answer

local function known_user(id, v)
  local u = {
    id = id, key = USER .. id, epoch = v[1] or '', session = v[2] or '', client = v[3], request_id = v[4],
    offset = v[5] or 0, contact = v[6] or '', serves = v[7] or '', contacts = v[8] or '',
  }
  users[id] = u
  return u
end

local function user(id)
  return users[id]
    or known_user(id, redis.call('HMGET', USER .. id, 'epoch', 'session', 'client', 'request_id', 'offset', 'contact',
      'serves', 'contacts'))
end

local function known_agent(u, v, i)
  u.preparing, u.idle_since, u.dnd = v[i] or '', v[i + 1] or '', v[i + 2] or ''
  u.capacity, u.wrap_until, u.cool_until = v[i + 3] or '', v[i + 4] or '', v[i + 5] or ''
  u.state_before = agent_state(u)
  u.was_agent = u.serves ~= '' or u.contacts ~= ''
  agents[#agents + 1] = u
  return u
end

local function agent(id)
  local u = users[id]
  if not u then
    local v = redis.call('HMGET', USER .. id, 'epoch', 'session', 'client', 'request_id', 'offset', 'contact', 'serves',
      'contacts', 'preparing', 'idle_since', 'dnd', 'capacity', 'wrap_until', 'cool_until')
    return known_agent(known_user(id, v), v, 9)
  end
  if u.state_before then return u end
  return known_agent(u, redis.call('HMGET', u.key, 'preparing', 'idle_since', 'dnd', 'capacity', 'wrap_until',
    'cool_until'), 1)
end

-- Give a user his hash, if he has none. Its epoch tells clients that offsets count from the start.
local function create_user(u)
  if u.epoch == '' then
    put(u, 'epoch', now_text)
    put(u, 'offset', '0')
  end
end
