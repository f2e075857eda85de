-- Create a tenant. A secret is kept as its SHA-256: it is random, so a slow hash would add nothing.
--
-- KEYS   meta guard
-- ARGV   secret_hash customer_grace agent_grace
-- REPLY  true where it was created, false where it was there already (then nothing changes)
-- ERRORS none
-- EVENTS none
-- CALLS  3
-- USES   clock
if redis.call('EXISTS', META) == 1 then return {'OK', 'false', ''} end
redis.call('HSET', META, 'created_at', now, 'now', 0, 'seq', -1, 'secret_hash', secret_hash, 'customer_grace', customer_grace,
  'agent_grace', agent_grace)
return {'OK', 'true', ''}
