-- A user: person, session, customer and agent in one hash. `user` reads what every command needs of a person,
-- `agent` what decides over his work as well.
-- USES tenant entity
local users = {}
local remembering -- the user whose hash keeps this command's answer

local function user(id)
  local u = users[id]
  if u then return u end
  u = fetch(USER, id, {
    epoch = '', session = '', client = '', request_id = '', offset = '0', contact = '', serves = '', contacts = '',
  }, {state_before = false, cause = '', settings_changed = false, json = false})
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
