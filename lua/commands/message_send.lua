-- Send a message to a user's session: once or never, and into no log.
--
-- KEYS   meta guard
-- ARGV   to data customer_only
-- REPLY  nothing
-- ERRORS API_NO_PERMISSION USER_NOT_FOUND OFFLINE REQUEST
-- EVENTS none
-- CALLS  10
-- USES   request done fail reach json
--
-- It does not count among the frames of its addressee: what is lost on the way is not missed.
local reply = replied(user)
if reply then return reply end
if customer_only == '1' and not reaches(to) then return fail('API_NO_PERMISSION', 'he is not your party') end
local other = user(to)
if other.epoch == '' then return fail('USER_NOT_FOUND') end
if other.session == '' then return fail('OFFLINE') end
reply = done('{}')
redis.call('SPUBLISH', TO .. to, '{"events":[{"event":"message","data":{"from":' .. quote_id(actor) .. ',"data":'
  .. quote(data) .. '}}],"at":' .. now_text .. '}')
return reply
