-- Check a tenant's secret, within the number of tries one address has in a minute.
--
-- KEYS   meta guard
-- ARGV   secret_hash address tries_max
-- REPLY  true
-- ERRORS TOKEN_APPIDNOTEXIST TOKEN_AUTH_FAILED RATE_LIMITED
-- EVENTS none
-- CALLS  3
-- USES   fail
--
-- One script, so that tries made at the same time are all counted before one of them is answered.
local known = redis.call('HGET', META, 'secret_hash')
if not known then return fail('TOKEN_APPIDNOTEXIST') end
local tries = redis.call('INCR', LOGIN .. address)
if tries == 1 then redis.call('PEXPIRE', LOGIN .. address, 60000) end
if tries > tonumber(tries_max) then return fail('RATE_LIMITED', 'too many logins from this address in a minute') end
if known ~= secret_hash then return fail('TOKEN_AUTH_FAILED', 'wrong secret') end
return {'OK', 'true', ''}
