-- Let a paused tenant go on. What fell due meanwhile is treated as after an outage: see `tick`.
--
-- KEYS   meta guard
-- ARGV
-- REPLY  true where it was paused; due: now, because agents who became free meanwhile are matched by the ticks
-- ERRORS none
-- EVENTS none
-- CALLS  3
-- FLAGS  allow-oom
-- USES   tenant fail
if not paused then return {'OK', 'false', ''} end
redis.call('HSET', META, 'paused', '0', 'gap_until', now_text)
return {'OK', 'true', now_text}
