-- A user: person, session, customer and agent in one hash.
-- USES tenant entity
--
-- `loaded` is what its hash said, in the order of the fields as they are read.
local users = {}
local remembering -- the user whose hash keeps this command's answer
local keep_as -- the key that keeps it, for an Idempotency-Key
local memory = '' -- in which of his memories: that of his session, or `:<client>` of one that watches

-- Return a user; one who is not known yet has an empty `epoch`.
local function user(id)
  local u = users[id]
  if u then return u end
  local key = USER .. id
  local v = redis.call('HMGET', key, 'epoch', 'session', 'client', 'request_id', 'offset', 'contact', 'serves',
    'contacts', 'preparing', 'idle_since', 'dnd', 'capacity', 'wrap_until', 'cool_until', 'call')
  u = {
    id = id, key = key, changes = false, json = false, loaded = v,
    epoch = v[1] or '', session = v[2] or '', client = v[3] or '', request_id = v[4] or '0', offset = v[5] or '0',
    contact = v[6] or '', serves = v[7] or '', contacts = v[8] or '', preparing = v[9] or '', idle_since = v[10] or '',
    dnd = v[11] or '', capacity = v[12] or '1', wrap_until = v[13] or '', cool_until = v[14] or '', call = v[15] or '',
    -- What only this script knows of him, as an agent.
    state_before = false, was_agent = false, cause = '', settings_changed = false,
  }
  users[id] = u
  return u
end

-- Give a user his hash, if he has none. Its epoch tells clients that offsets count from the start.
local function create_user(u)
  if u.epoch == '' then
    put(u, 'epoch', now_text)
    put(u, 'offset', '0')
  end
end
