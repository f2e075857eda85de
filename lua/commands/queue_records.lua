-- Count at most 100 queues, and read what is kept of them beside their policy: made when, changed when, is it
-- global, the most that waited at once, the longest wait of one that was matched or left.
--
-- KEYS   meta guard
-- ARGV   queue_ids
-- REPLY  one for each queue that there is, in the given order
-- ERRORS none
-- EVENTS none
-- CALLS  2 + 8 * 100
-- FLAGS  no-writes
-- USES   tenant queue_json
--
-- Only the older Web API tells it. A queue that was never changed was changed last when it was made.
local items, left = {}, 100
for id in string.gmatch(queue_ids, '%S+') do
  local v = redis.call('HMGET', QUEUE .. id, 'created_at', 'updated_at', 'is_global', 'wait_num_max', 'waited_ms_max')
  if v[1] then
    items[#items + 1] = '{"queue_id":"' .. id .. '","created_at":' .. v[1] .. ',"updated_at":' .. (v[2] or v[1])
      .. ',"is_global":' .. (v[3] == '1' and 'true' or 'false') .. ',"wait_num_max":' .. (v[4] or '0')
      .. ',"waited_ms_max":' .. (v[5] or '0') .. ',"status":' .. status_json(id) .. '}'
  end
  left = left - 1
  if left == 0 then break end
end
return {'OK', '[' .. table.concat(items, ',') .. ']', ''}
