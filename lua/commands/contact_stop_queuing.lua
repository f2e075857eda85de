-- Take a contact out: its customer leaves, or a supervisor removes it.
--
-- KEYS   meta guard
-- ARGV   contact_id
-- REPLY  the contact as it ended
-- ERRORS CONTACT_NOT_FOUND REQUEST
-- EVENTS call.ended contact.left contact.ended assignment.cancelled assignment.completed assignment.offered contact.matched agent.changed audit
-- CALLS  70 + 2 * served
-- FLAGS  allow-oom
-- USES   request done settle close audit
--
-- Leaving and matching the agent anew are one step, so he is never idle while somebody waits. A customer whose call
-- rings or is answered stays: clients send this on every incoming call.
local reply = replied(user)
if reply then return reply end
if contact_id == '' then contact_id = user(actor).contact end
local c = contact_id ~= '' and contact(contact_id)
if not c or (c.customer_id ~= actor and supervisor ~= '1') then return fail('CONTACT_NOT_FOUND') end
local is_mine = c.customer_id == actor
if c.state ~= 'ended' and not (is_mine and user(actor).call ~= '') then
  local reason = 'removed'
  if is_mine then reason = c.state == 'serving' and 'completed' or 'abandoned' end
  audit('stop_queuing', c.customer_id, c.id)
  local u = close_contact(c, reason)
  if u then settle(u, reason) end
end
return done(contact_json(c))
