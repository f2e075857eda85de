-- Take a contact out: its customer leaves, or a supervisor removes it.
--
-- KEYS   meta guard
-- ARGV   contact_id
-- REPLY  the contact as it ended
-- ERRORS CONTACT_NOT_FOUND REQUEST
-- EVENTS contact.left contact.ended assignment.cancelled assignment.completed assignment.offered contact.matched agent.changed audit
-- CALLS  70 + 2 * served
-- FLAGS  allow-oom
-- USES   request done settle close audit
--
-- Leaving and matching the agent anew are one step, so he is never idle while somebody waits.
local reply = replied(user)
if reply then return reply end
if contact_id == '' then contact_id = user(actor).contact end
local c = contact_id ~= '' and contact(contact_id)
if not c or (c.customer_id ~= actor and supervisor ~= '1') then return fail('CONTACT_NOT_FOUND') end
if c.state ~= 'ended' then
  local reason = 'removed'
  if c.customer_id == actor then reason = c.state == 'serving' and 'completed' or 'abandoned' end
  audit('stop_queuing', c.customer_id)
  local u = close_contact(c, reason)
  if u then settle(u, reason) end
end
return done(contact_json(c))
