-- Hashes are read once and written once: `put` changes the copy and notes the change, `flush` writes what was noted.
-- An absent field is the empty string, in the copy and in the hash alike.
local noted = {}

local function put(entity, field, value)
  entity[field] = value
  entity.json = nil
  local note = entity.note
  if not note then
    note = {entity.key}
    entity.note = note
    noted[#noted + 1] = note
  end
  local n = #note
  note[n + 1], note[n + 2] = field, value
end

local function flush()
  for i = 1, #noted do redis.call('HSET', unpack(noted[i])) end
end
