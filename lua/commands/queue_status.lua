-- Count one queue.
--
-- KEYS   meta guard
-- ARGV   queue_id
-- REPLY  the queue's status
-- ERRORS QUE_ID_INVALID
-- EVENTS none
-- CALLS  10
-- FLAGS  no-writes
-- USES   tenant fail queue_json
if redis.call('EXISTS', QUEUE .. queue_id) == 0 then return fail('QUE_ID_INVALID') end
return {'OK', status_json(queue_id), ''}
