-- Write a hash's fields from a JSON object of texts and numbers. Nothing in it, nothing written.
local function write_fields(key, json)
  local fields = {}
  for field, value in pairs(cjson.decode(json)) do
    fields[#fields + 1], fields[#fields + 2] = field, value
  end
  if fields[1] then redis.call('HSET', key, unpack(fields)) end
end
