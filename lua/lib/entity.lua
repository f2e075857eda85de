-- Hashes are read once and written once: an entity has the fields of a hash by name, its `id` and its `key`. An absent
-- field is the empty string, or what the entity's lib says; the hash may hold an empty string for it.
--
-- The composer makes it an array of the fields that a script mentions, and tells `put` the slot of each
-- (dispatcher/store/entities.py).
local changed = {} -- the arguments of each HSET that is to come: key, field, value, field, value …

local function put(entity, slot, field, value)
  if slot then entity[slot] = value end
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
