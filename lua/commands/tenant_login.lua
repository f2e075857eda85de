-- Check a tenant's secret, within the number of tries one address has in a minute.
--
-- KEYS   meta guard
-- ARGV   secret_hash address tries_max
-- REPLY  true
-- ERRORS TOKEN_APPIDNOTEXIST TOKEN_AUTH_FAILED RATE_LIMITED
-- EVENTS none
-- CALLS  3
-- USES   fail tries
--
-- One script, so that tries made at the same time are all counted before one of them is answered. Two secrets are
-- valid from a rotation until the former one is dropped.
local known = redis.call('HMGET', META, 'secret_hash', 'former_secret_hash', 'paused')
if not known[1] then return fail('TOKEN_APPIDNOTEXIST') end
if known[3] == '1' then return fail('UNAVAILABLE', 'the tenant is paused') end
local failure = too_often(LOGIN .. address, tries_max, 'from this address')
if failure then return failure end
if secret_hash ~= known[1] and secret_hash ~= known[2] then return fail('TOKEN_AUTH_FAILED', 'wrong secret') end
return {'OK', 'true', ''}
