-- Check an MD5 that the tenant's legacy secret is known by, within the number of tries one address has in a minute.
--
-- KEYS   meta guard
-- ARGV   kind hash address tries_max
-- REPLY  true
-- ERRORS API_NO_PERMISSION ANCTPSWD_ERR RATE_LIMITED
-- EVENTS none
-- CALLS  5
-- USES   tenant fail tries
--
-- `kind`: `login`, the MD5 of the secret, which pages have; `api`, that of `tenant&secret`, which backends send.
local failure = too_often(LOGIN .. address, tries_max, 'from this address')
if failure then return failure end
local known = redis.call('HGET', META, 'legacy_' .. kind .. '_hash') or ''
if known == '' then return fail('API_NO_PERMISSION', 'legacy_login is off') end
if hash ~= known then return fail('ANCTPSWD_ERR', 'wrong secret') end
return {'OK', 'true', ''}
