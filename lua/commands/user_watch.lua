-- Begin to watch the status of users, or go on: for a minute their changes are told. Read those of some.
--
-- KEYS   meta guard
-- ARGV   user_ids customer_only
-- REPLY  the status of each, in their order; who is not known is offline
-- ERRORS API_NO_PERMISSION
-- EVENTS none
-- CALLS  104
-- USES   tenant fail user reach user_status
--
-- `user_ids` is a JSON array of at most 100. While nobody watches, no command spends time on telling.
local WATCH_MS = 60000
if customer_only == '1' and not reaches_everybody() then
  return fail('API_NO_PERMISSION', 'a customer watches nobody here')
end
local ids = cjson.decode(user_ids)
local items = {}
for i = 1, #ids do items[i] = user_status_json(ids[i]) end
redis.call('HSET', META, 'watched_until', string.format('%d', now + WATCH_MS))
return {'OK', '[' .. table.concat(items, ',') .. ']', ''}
