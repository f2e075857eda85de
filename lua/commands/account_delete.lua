-- Take a user's account away. What he is in the queues, and his tokens, stay as they are.
--
-- KEYS   meta guard
-- ARGV   user_id
-- REPLY  true
-- ERRORS USER_NOT_FOUND
-- EVENTS audit
-- CALLS  6
-- FLAGS  allow-oom
-- USES   tenant done fail audit
if redis.call('ZREM', ACCOUNTS, user_id) == 0 then return fail('USER_NOT_FOUND', 'the user has no account') end
redis.call('UNLINK', ACCOUNT .. user_id)
audit('delete_account', user_id)
return done('true')
