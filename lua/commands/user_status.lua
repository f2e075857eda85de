-- Whether a user is there, in a call, busy or idle.
--
-- KEYS   meta guard
-- ARGV   user_id customer_only
-- REPLY  his status
-- ERRORS API_NO_PERMISSION USER_NOT_FOUND
-- EVENTS none
-- CALLS  7
-- FLAGS  no-writes
-- USES   tenant fail user reach user_status
if customer_only == '1' and not reaches(user_id) then return fail('API_NO_PERMISSION', 'he is not your party') end
local u = user(user_id)
if u.epoch == '' then return fail('USER_NOT_FOUND') end
return {'OK', user_status_json(user_id), ''}
