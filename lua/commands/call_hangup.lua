-- Hang up. Before the answer: the callee refuses; an agent gives his contact back. After it: the contact is completed.
--
-- KEYS   meta guard
-- ARGV   call_id ext
-- REPLY  the call as it ended
-- ERRORS INVALID_CALLID REQUEST
-- EVENTS call.ended call.rejected assignment.rejected assignment.cancelled assignment.completed contact.returned contact.held contact.entered contact.ended contact.left assignment.offered contact.matched agent.changed
-- CALLS  100 + 2 * served
-- FLAGS  allow-oom
-- USES   request done own_call after_call
local reply = replied(agent)
if reply then return reply end
local k, failure = own_call(call_id)
if failure then return failure end
local rang = k.state == 'ringing'
if rang and actor == k.callee_id then return done(refuse(k, ext)) end
leave_call(k)
local json = call_json(k, ext, 'hangup')
emit('call.ended', actor == k.caller_id and k.callee_id or k.caller_id, json)
after_call(k, rang and 'rejected' or 'completed')
return done(json)
