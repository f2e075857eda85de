-- List queues in the order of their ids, from after `cursor`.
--
-- KEYS   meta guard
-- ARGV   status limit cursor
-- REPLY  a page of queues
-- ERRORS none
-- EVENTS none
-- CALLS  3 + 8 * limit
-- FLAGS  no-writes
-- USES   tenant queue_json
local from = cursor == '' and '-' or '(' .. cursor
limit = tonumber(limit)
local ids = redis.call('ZRANGEBYLEX', QUEUES, from, '+', 'LIMIT', 0, limit + 1)
local items = {}
for i = 1, math.min(limit, #ids) do items[i] = queue_json(ids[i], status == '1' and status_json(ids[i]) or nil) end
local more = #ids > limit and ',"cursor":"' .. ids[limit] .. '"' or ''
return {'OK', '{"items":[' .. table.concat(items, ',') .. ']' .. more .. '}', ''}
