-- Change an account; tokens that were made before stay as they are.
--
-- KEYS   meta guard
-- ARGV   user_id fields
-- REPLY  the account
-- ERRORS USER_NOT_FOUND
-- EVENTS audit
-- CALLS  7
-- USES   tenant done fail write_fields account_json audit
if redis.call('EXISTS', ACCOUNT .. user_id) == 0 then return fail('USER_NOT_FOUND', 'the user has no account') end
write_fields(ACCOUNT .. user_id, fields)
audit('update_account', user_id)
return done(account_json(user_id))
