-- Delete a queue: an empty one, or by force.
--
-- KEYS   meta guard
-- ARGV   queue_id force
-- REPLY  true where it is gone, false where batches remain for the ticks
-- ERRORS QUE_ID_INVALID QUEUE_NOT_EMPTY REQUEST
-- EVENTS call.ended queue.changed queue.deleted agent.service assignment.cancelled contact.left contact.ended assignment.offered contact.matched agent.changed audit
-- CALLS  42 + 50 * (30 + 2 * served)
-- FLAGS  allow-oom
-- USES   request done queue_json queue empty_queue audit
--
-- The mark and the end of all matching are one step; the contacts are ended in batches.
local reply = replied(user)
if reply then return reply end
local q = queue(queue_id)
if not q then return fail('QUE_ID_INVALID') end
local empty = redis.call('EXISTS', WAITING .. queue_id, HELD .. queue_id, PREPARING .. queue_id, SERVING .. queue_id) == 0
if not empty and force ~= '1' then return fail('QUEUE_NOT_EMPTY') end
audit('delete_queue', queue_id)
if q.deleting == '' then
  q.deleting = '1'
  deleting_queues()[queue_id] = true
  redis.call('HSET', META, 'deleting', (redis.call('HGET', META, 'deleting') or '') .. ' ' .. queue_id)
  redis.call('HSET', QUEUE .. queue_id, 'deleting', '1')
  redis.call('ZREM', HEADS, queue_id)
  redis.call('UNLINK', ABLE .. queue_id)
  emit('queue.changed', nil, queue_json(queue_id))
end
local gone = empty_queue(q)
return done(gone and 'true' or 'false')
