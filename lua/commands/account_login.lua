-- Read what a person's password is checked with, within the tries that an address and a user have in a minute.
--
-- KEYS   meta guard
-- ARGV   user_id address tries_max user_tries_max
-- REPLY  the account with its password's hash, or null where there is none
-- ERRORS RATE_LIMITED
-- EVENTS none
-- CALLS  8
-- USES   tenant tries account_json
--
-- Tries of users without an account are counted too, so that counting does not tell who has one. An address that is
-- out of tries does not use up the user's.
local failure = too_often(LOGIN .. address, tries_max, 'from this address')
  or too_often(LOGIN_AS .. user_id, user_tries_max, 'of this user')
if failure then return failure end
local password_hash = redis.call('HGET', ACCOUNT .. user_id, 'password_hash')
if not password_hash then return {'OK', 'null', ''} end
return {'OK', account_json(user_id, ',"password_hash":' .. quote(password_hash)), ''}
