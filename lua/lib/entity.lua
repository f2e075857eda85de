-- Hashes read once and written once: `load` reads, `put` changes the copy, `flush` writes what was changed.
-- An absent field is the empty string, in the copy and in the hash alike.
local dirty = {}

local function load(key, fields)
  local values = redis.call('HMGET', key, unpack(fields))
  local entity = {key = key}
  for i = 1, #fields do entity[fields[i]] = values[i] or '' end
  return entity
end

local function put(entity, field, value)
  entity[field] = value
  entity.json = nil
  local changes = entity.changes
  if not changes then
    changes = {}
    entity.changes = changes
    dirty[#dirty + 1] = entity
  end
  changes[field] = value
end

local function flush()
  for i = 1, #dirty do
    local arguments, n = {}, 0
    for field, value in pairs(dirty[i].changes) do
      arguments[n + 1], arguments[n + 2] = field, value
      n = n + 2
    end
    redis.call('HSET', dirty[i].key, unpack(arguments))
  end
end
