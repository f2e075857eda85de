-- End the service of a contact; its agent wraps up, or gets the next one at once.
--
-- KEYS   meta guard
-- ARGV   contact_id
-- REPLY  the contact
-- ERRORS CONTACT_NOT_FOUND API_NO_PERMISSION WRONG_STATE REQUEST
-- EVENTS call.ended assignment.completed contact.ended agent.changed contact.left assignment.offered contact.matched audit
-- CALLS  75 + 2 * served
-- FLAGS  allow-oom
-- USES   request done settle finish own_contact audit agent
local reply = replied(agent)
if reply then return reply end
local c, failure = own_contact(contact_id)
if failure then return failure end
if c.state == 'ended' and c.reason == 'completed' then return done(contact_json(c)) end
if c.state ~= 'serving' then return fail('WRONG_STATE', 'the contact is ' .. c.state) end
audit('complete', c.agent_id, c.id)
local u = end_service(c, 'completed')
settle(u, 'complete')
return done(contact_json(c))
