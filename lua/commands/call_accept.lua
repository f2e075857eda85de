-- Answer a call. The contact it belongs to is served from now on.
--
-- KEYS   meta guard
-- ARGV   call_id meeting ext
-- REPLY  the call
-- ERRORS INVALID_CALLID API_NO_PERMISSION REQUEST
-- EVENTS call.accepted contact.serving
-- CALLS  20
-- USES   request done begin_service own_call contact agent
local reply = replied(user)
if reply then return reply end
local k, failure = own_call_to_answer(call_id)
if failure then return failure end
local is_news = k.state == 'ringing'
if is_news then
  if meeting ~= '' then k.meeting = meeting end
  k.state = 'answered'
  disarm('ring', k.id)
  redis.call('HSET', k.key, 'state', k.state, 'meeting', k.meeting, 'ring_until', '')
end
local json = call_json(k, ext)
if is_news then
  emit('call.accepted', k.caller_id, json)
  if k.contact_id ~= '' then begin_service(contact(k.contact_id), agent(k.caller_id)) end
end
return done(json)
