-- Call another user. The agent of a contact who calls its customer thereby accepts it.
--
-- KEYS   meta guard
-- ARGV   callee_id meeting ext customer_only
-- REPLY  the call
-- ERRORS NOT_LOGIN API_NO_PERMISSION CALL_EXIST WRONG_STATE USER_NOT_FOUND OFFLINE BUSY REQUEST
-- EVENTS assignment.accepted call.incoming agent.changed
-- CALLS  30 + 2 * served
-- USES   request done able begin_service call reach agent
--
-- Looking whether both are free and taking both are one step: of two who call each other one gets through.
local reply = replied(agent)
if reply then return reply end
local me = agent(actor)
if me.session == '' then return fail('NOT_LOGIN', 'the caller has no session: hello on the WebSocket comes first') end
if customer_only == '1' and not reaches_everybody() then
  return fail('API_NO_PERMISSION', 'a customer calls nobody here')
end
if me.call ~= '' then return fail('CALL_EXIST') end
if me.contact ~= '' then return fail('WRONG_STATE', 'who queues is called by his agent') end
local other = agent(callee_id)
if other.epoch == '' then return fail('USER_NOT_FOUND') end
local c = other.contact ~= '' and contact(other.contact)
local is_mine = c and c.agent_id == actor
if is_mine and c.state == 'serving' then return fail('WRONG_STATE', 'the contact is served without a call') end
if other.session == '' then return fail('OFFLINE') end
if other.call ~= '' or other.preparing ~= '' or (not is_mine and (c or other.dnd ~= '')) then return fail('BUSY') end

if is_mine then accept_by_acting(c, me) end
local id = next_id()
local k = new_call(id, me, other, meeting, ext, is_mine and c.id or '')
put(me, {call = id})
put(other, {call = id})
put(k, {ring_until = arm('ring', id, now + ring_ms(k.contact_id ~= '' and c.queue_id or ''))})
local json = call_json(k, ext)
emit('call.incoming', callee_id, json)
me.cause, other.cause = 'call', 'call'
index_able(me)
index_able(other)
return done(json)
