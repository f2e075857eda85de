-- A node says that it lives: the lease of its sessions begins anew.
--
-- KEYS   meta guard
-- ARGV   node_id
-- REPLY  how many sessions it holds; 0 where its lease has ended and they were closed
-- ERRORS none
-- EVENTS none
-- CALLS  4
-- FLAGS  allow-oom
-- USES   tenant fail node
local held = redis.call('ZCARD', SESSIONS .. node_id)
if held > 0 then renew_lease(node_id) end
return {'OK', tostring(held), due_at or ''}
