-- A user: person, session, customer and agent in one hash.
-- USES tenant entity
-- HASH epoch session client request_id=0 offset=0 contact serves contacts preparing idle_since dnd capacity=1 wrap_until cool_until call
-- OWN  state_before was_agent cause= settings_changed since_at dnd_reason watching
--
-- Its own members are what a script knows of him as an agent, or has changed.
local users = {}
local remembering -- the user whose hash keeps this command's answer
local keep_as -- the key that keeps it, for an Idempotency-Key
local memory = '' -- in which of his memories: that of his session, or `:<client>` of one that watches

-- Return a user; one who is not known yet has an empty `epoch`.
local function user(id)
  local u = users[id]
  if u then return u end
  local key = USER .. id
  local v = redis.call('HMGET', key, FIELDS_USER)
  u = ENTITY_USER
  users[id] = u
  return u
end

-- Give a user his hash, if he has none. Its epoch tells clients that offsets count from the start.
local function create_user(u)
  if u.epoch == '' then
    put(u, {epoch = now_text, offset = '0'})
  end
end
