-- Everything about one user, so that a client stands where it stood.
-- USES agent contact position agent_json call
local function snapshot_json(u)
  local parts = {'{"user":{"user_id":', quote(u.id), ',"name":', quote(redis.call('HGET', u.key, 'name') or ''), '}'}
  if u.serves ~= '' or u.contacts ~= '' or u.dnd ~= '' then parts[#parts + 1] = ',"agent":' .. agent_json(u) end
  local c = u.contact ~= '' and contact(u.contact)
  if c then parts[#parts + 1] = ',"contact":' .. contact_json(c, position(c)) end
  local open = {}
  for id in string.gmatch(u.contacts, '%S+') do open[#open + 1] = assignment_json(contact(id)) end
  parts[#parts + 1] = ',"assignments":[' .. table.concat(open, ',') .. ']'
  local k = u.call ~= '' and find_call(u.call)
  if k then parts[#parts + 1] = ',"call":' .. call_json(k, k.ext) end
  parts[#parts + 1] = ',"offset":' .. u.offset
    .. ',"epoch":"' .. u.epoch .. '"}'
  return table.concat(parts)
end
