-- An account as JSON. Its hash keeps `roles` and `queues` as ids with spaces between them; `queues` is '*' where it
-- limits nothing.
-- USES json

local function list_json(ids)
  return ids == '' and '[]' or '["' .. string.gsub(ids, ' ', '","') .. '"]'
end

-- `secret` is a further member, or nil.
local function account_json(id, secret)
  local v = redis.call('HMGET', ACCOUNT .. id, 'name', 'roles', 'queues', 'created_at')
  return '{"user_id":' .. quote(id) .. ',"name":' .. quote(v[1]) .. ',"roles":' .. list_json(v[2])
    .. (v[3] == '*' and '' or ',"queues":' .. list_json(v[3])) .. ',"created_at":' .. v[4] .. (secret or '') .. '}'
end
