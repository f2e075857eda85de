-- Find where contacts of one queue stand.
--
-- KEYS   meta guard
-- ARGV   queue_id contact_ids
-- REPLY  the time, and each contact's position, null where it does not wait there
-- ERRORS none
-- EVENTS none
-- CALLS  2 + 19 * 100
-- FLAGS  no-writes
-- USES   tenant position
--
-- For a node, which tells many customers at once; the first 100 ids are looked for.
local waiting, held = WAITING .. queue_id, HELD .. queue_id
local positions = {}
for id in string.gmatch(contact_ids, '%S+') do
  local rank, other = redis.call('ZRANK', waiting, id), held
  if not rank then rank, other = redis.call('ZRANK', held, id), waiting end
  positions[#positions + 1] = rank and rank + 1 + count_before(other, string.sub(id, 1, 13), id) or 'null'
  if #positions == 100 then break end
end
return {'OK', '{"at":' .. now_text .. ',"positions":[' .. table.concat(positions, ',') .. ']}', ''}
