-- List accounts in the order of their users' ids, from after `cursor`.
--
-- KEYS   meta guard
-- ARGV   limit cursor
-- REPLY  a page of accounts
-- ERRORS none
-- EVENTS none
-- CALLS  3 + limit
-- FLAGS  no-writes
-- USES   tenant account_json
local from = cursor == '' and '-' or '(' .. cursor
limit = tonumber(limit)
local ids = redis.call('ZRANGEBYLEX', ACCOUNTS, from, '+', 'LIMIT', 0, limit + 1)
local items = {}
for i = 1, math.min(limit, #ids) do items[i] = account_json(ids[i]) end
local more = #ids > limit and ',"cursor":' .. quote(ids[limit]) or ''
return {'OK', '{"items":[' .. table.concat(items, ',') .. ']' .. more .. '}', ''}
