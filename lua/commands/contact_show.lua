-- Read a contact, or the actor's own open one.
--
-- KEYS   meta guard
-- ARGV   contact_id
-- REPLY  the contact, with its position while it waits
-- ERRORS CONTACT_NOT_FOUND
-- EVENTS none
-- CALLS  24
-- FLAGS  no-writes
-- USES   tenant fail contact position user
--
-- Who may not see it is told that it does not exist.
if contact_id == '' then contact_id = user(actor).contact end
local c = contact_id ~= '' and contact(contact_id)
if not c or (supervisor ~= '1' and c.customer_id ~= actor and c.agent_id ~= actor) then
  return fail('CONTACT_NOT_FOUND')
end
return {'OK', contact_json(c, position(c)), ''}
