-- Hashes are read once and written once. An entity is a copy of a hash, made by `fetch`: its fields by name, its
-- `id`, and in its array part the HSET that is to write its changes: key, field, value, field, value …
-- INLINE put
--
-- An absent field is what `fetch` says it is, mostly the empty string; the hash may hold an empty string for it.
local changed = {nil, nil, nil, nil}

local function key_of(entity)
  return entity[1]
end

local function put(entity, field, value)
  local n = #entity
  if n == 1 then changed[#changed + 1] = entity end
  entity[field] = value
  entity.json = false
  entity[n + 1], entity[n + 2] = field, value
end

local function flush()
  for i = 1, #changed do redis.call('HSET', unpack(changed[i])) end
end
