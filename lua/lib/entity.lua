-- Hashes are read once and written once: an entity has the fields of a hash by name, its `id` and its `key`. An absent
-- field is the empty string, or what the entity's lib says; the hash may hold an empty string for it.
--
-- `put(u, {field = value, ...})` changes fields, in the entity and, at the end, in the hash: `writes` are the arguments of
-- its HSET, `count` how many. The composer makes an array of the entity, and of this a call with names and values
-- (dispatcher/store/entities.py).
local changed = {} -- the entities whose hash is to be written

-- Three fields in one go: the composer makes several calls where there are more.
local function put(entity, field, value, field_2, value_2, field_3, value_3)
  local writes, n = entity.writes, entity.count
  if not writes then
    -- As long as most become: a list that grows is copied again and again.
    writes = {entity.key, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil}
    entity.writes = writes
    changed[#changed + 1] = entity
  end
  entity.json = false
  writes[n + 1], writes[n + 2] = field, value
  if field_2 then
    n = n + 2
    writes[n + 1], writes[n + 2] = field_2, value_2
    if field_3 then
      n = n + 2
      writes[n + 1], writes[n + 2] = field_3, value_3
    end
  end
  entity.count = n + 2
end
