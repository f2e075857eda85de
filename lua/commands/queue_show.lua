-- Read one queue.
--
-- KEYS   meta guard
-- ARGV   queue_id
-- REPLY  the queue
-- ERRORS QUE_ID_INVALID
-- EVENTS none
-- CALLS  4
-- FLAGS  no-writes
-- USES   tenant fail queue_json
if redis.call('EXISTS', QUEUE .. queue_id) == 0 then return fail('QUE_ID_INVALID') end
return {'OK', queue_json(queue_id), ''}
