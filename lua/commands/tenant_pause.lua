-- Pause a tenant for maintenance: commands are UNAVAILABLE, no timers fire, leases and disconnects go on.
--
-- KEYS   meta guard
-- ARGV
-- REPLY  true where it was running
-- ERRORS none
-- EVENTS none
-- CALLS  3
-- FLAGS  allow-oom
-- USES   tenant fail
if paused then return {'OK', 'false', ''} end
redis.call('HSET', META, 'paused', '1')
return {'OK', 'true', ''}
