-- List who waits in a queue, held ones too, in its order, from after the contact `cursor`.
--
-- KEYS   meta guard
-- ARGV   queue_id limit cursor
-- REPLY  a page of contacts, each with its position
-- ERRORS QUE_ID_INVALID QUE_SERVICE_NOT_START
-- EVENTS none
-- CALLS  40 + limit
-- FLAGS  no-writes
-- USES   tenant fail contact position
if redis.call('EXISTS', QUEUE .. queue_id) == 0 then return fail('QUE_ID_INVALID') end
if supervisor ~= '1' and not redis.call('ZSCORE', QUEUE_AGENTS .. queue_id, actor) then
  return fail('QUE_SERVICE_NOT_START')
end
limit = tonumber(limit)
-- '.' sorts before every digit and '-', so this id stands just behind `cursor`.
local behind = cursor .. '.'
local queued_at = string.match(cursor, '^%d+') or '0'
local ids, before = {}, 0
for _, line in ipairs({WAITING .. queue_id, HELD .. queue_id}) do
  local first = count_before(line, queued_at, behind)
  before = before + first
  for _, id in ipairs(redis.call('ZRANGE', line, first, first + limit)) do ids[#ids + 1] = id end
end
table.sort(ids)
local items = {}
for i = 1, math.min(limit, #ids) do items[i] = contact_json(contact(ids[i]), before + i) end
local more = #ids > limit and ',"cursor":"' .. ids[limit] .. '"' or ''
return {'OK', '{"items":[' .. table.concat(items, ',') .. ']' .. more .. '}', ''}
