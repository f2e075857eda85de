-- Give a user an account: a name, roles, perhaps a limit of queues, and a password's hash.
--
-- KEYS   meta guard
-- ARGV   user_id fields
-- REPLY  the account
-- ERRORS WRONG_STATE REQUEST
-- EVENTS audit
-- CALLS  11
-- USES   request done write_fields account_json audit
local reply = replied(user)
if reply then return reply end
if redis.call('EXISTS', ACCOUNT .. user_id) == 1 then return fail('WRONG_STATE', 'the user has an account already') end
write_fields(ACCOUNT .. user_id, fields)
redis.call('HSET', ACCOUNT .. user_id, 'created_at', now_text)
redis.call('ZADD', ACCOUNTS, 0, user_id)
audit('create_account', user_id)
return done(account_json(user_id))
