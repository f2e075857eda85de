-- Give a tenant a new secret; the one it had stays valid beside it. Without a new one, end the former.
--
-- KEYS   meta guard
-- ARGV   secret_hash
-- REPLY  true
-- ERRORS none
-- EVENTS audit
-- CALLS  6
-- USES   tenant done audit
if secret_hash == '' then
  redis.call('HDEL', META, 'former_secret_hash')
  audit('drop_former_secret', '')
else
  redis.call('HSET', META, 'former_secret_hash', redis.call('HGET', META, 'secret_hash'), 'secret_hash', secret_hash)
  audit('rotate_secret', '')
end
return done('true')
