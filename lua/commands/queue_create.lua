-- Create a queue with its whole policy.
--
-- KEYS   meta guard
-- ARGV   queue_id name policy
-- REPLY  the queue
-- ERRORS QUEUE_EXISTS REQUEST
-- EVENTS queue.changed audit
-- CALLS  2024
-- USES   request done write_fields queue_json audit
--
-- Without an id it gets the integer after the largest there was; at most 1,000 that are taken as names are passed over.
local reply = replied(user)
if reply then return reply end
local next_number = tonumber(redis.call('HGET', META, 'queue_next') or 1)
if queue_id == '' then
  for _ = 1, 1000 do
    local is_taken = redis.call('EXISTS', QUEUE .. next_number) + redis.call('HEXISTS', QUEUE_NAMES, next_number)
    if is_taken == 0 then break end
    next_number = next_number + 1
  end
  queue_id = tostring(next_number)
end
if redis.call('EXISTS', QUEUE .. queue_id) == 1 then return fail('QUEUE_EXISTS', 'the id is taken') end
if name == '' then name = queue_id end
if redis.call('HEXISTS', QUEUE_NAMES, name) == 1 then return fail('QUEUE_EXISTS', 'the name is taken') end

write_fields(QUEUE .. queue_id, policy)
redis.call('HSET', QUEUE .. queue_id, 'name', name, 'deleting', '', 'queue_seq', 0, 'created_at', now_text)
if string.match(queue_id, '^[1-9]%d?%d?%d?%d?%d?%d?%d?%d?$') and tonumber(queue_id) >= next_number then
  redis.call('HSET', META, 'queue_next', queue_id + 1)
end
redis.call('HSET', QUEUE_NAMES, name, queue_id)
redis.call('ZADD', QUEUES, 0, queue_id)
local json = queue_json(queue_id)
audit('create_queue', queue_id)
emit('queue.changed', nil, json)
return done(json)
