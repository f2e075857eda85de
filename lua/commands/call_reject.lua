-- Refuse a call that rings. The contact it belongs to ends, and its agent is free.
--
-- KEYS   meta guard
-- ARGV   call_id ext
-- REPLY  the call as it ended
-- ERRORS INVALID_CALLID API_NO_PERMISSION WRONG_STATE REQUEST
-- EVENTS call.rejected assignment.cancelled contact.ended agent.changed contact.left assignment.offered contact.matched
-- CALLS  90 + 2 * served
-- FLAGS  allow-oom
-- USES   request done own_call after_call
local reply = replied(agent)
if reply then return reply end
local k, failure = own_call_to_answer(call_id)
if failure then return failure end
if k.state ~= 'ringing' then return fail('WRONG_STATE', 'the call was answered') end
return done(refuse(k, ext))
