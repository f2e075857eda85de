-- Hashes are read once and written once: an entity is a Lua table with the fields of a hash by name, its `id` and
-- its `key`. An absent field is the empty string, or what the entity's lib says; the hash may hold an empty string
-- for it.
local changed = {} -- the arguments of each HSET that is to come: key, field, value, field, value …

local function put(entity, field, value)
  entity[field] = value
  entity.json = false
  local changes = entity.changes
  if not changes then
    changes = {entity.key, nil, nil, nil, nil, nil, nil, nil, nil}
    entity.changes = changes
    changed[#changed + 1] = changes
  end
  local n = #changes
  changes[n + 1], changes[n + 2] = field, value
end
