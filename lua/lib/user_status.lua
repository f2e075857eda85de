-- The status of a user, and telling its changes, in the log, while somebody watches.
-- USES tenant user json events
-- The first that applies, of what a user's hash says.
local function status_of(session, call_id, contact_id, contact_ids)
  if session == '' then return 'offline' end
  if call_id ~= '' then return 'in_call' end
  if contact_id ~= '' or contact_ids ~= '' then return 'busy' end
  return 'idle'
end

local function user_status_json(u)
  return '{"user_id":' .. quote_id(u.id) .. ',"status":"' .. status_of(u.session, u.call, u.contact, u.contacts)
    .. '","dnd":' .. (u.dnd == '' and '0' or u.dnd) .. '}'
end

-- Tell whose status has changed in this script, if anybody in the tenant watches.
local function tell_user_changes()
  if not tenant[3] or tenant[3] < now_text then return end
  for _, u in pairs(users) do
    local v = u.loaded
    local before = status_of(v[2] or '', v[15] or '', v[6] or '', v[8] or '')
    if before ~= status_of(u.session, u.call, u.contact, u.contacts) or (v[11] or '') ~= u.dnd then
      emit('user.status', user_status_json(u))
    end
  end
end
