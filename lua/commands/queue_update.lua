-- Change members of a queue's policy; the next decision uses them.
--
-- KEYS   meta guard
-- ARGV   queue_id name policy
-- REPLY  the queue
-- ERRORS QUE_ID_INVALID QUEUE_EXISTS QUEUE_CLOSED REQUEST
-- EVENTS queue.changed audit
-- CALLS  19
-- USES   request done write_fields queue_json queue line audit
--
-- A new priority is one write to `heads`, under any load: the line itself does not know it.
local reply = replied(user)
if reply then return reply end
local q = queue(queue_id)
if not q then return fail('QUE_ID_INVALID') end
if q.deleting ~= '' then return fail('QUEUE_CLOSED', 'the queue is being deleted') end
local owner = name ~= '' and redis.call('HGET', QUEUE_NAMES, name)
if owner and owner ~= queue_id then return fail('QUEUE_EXISTS', 'the name is taken') end

local changes = cjson.decode(policy)
if name ~= '' and not owner then
  redis.call('HDEL', QUEUE_NAMES, redis.call('HGET', QUEUE .. queue_id, 'name'))
  redis.call('HSET', QUEUE_NAMES, name, queue_id)
  redis.call('HSET', QUEUE .. queue_id, 'name', name)
end
write_fields(QUEUE .. queue_id, policy)
redis.call('HSET', QUEUE .. queue_id, 'updated_at', now_text)
if changes['priority'] then
  local head = redis.call('ZRANGE', WAITING .. queue_id, 0, 0, 'WITHSCORES')
  if head[1] then redis.call('ZADD', HEADS, changes['priority'] * PRIORITY_STEP + head[2], queue_id) end
end
local json = queue_json(queue_id)
audit('update_queue', queue_id)
emit('queue.changed', nil, json)
return done(json)
