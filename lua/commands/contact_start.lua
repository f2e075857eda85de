-- An agent begins to serve a contact without a call. Implies accept, in whichever order the two arrive.
--
-- KEYS   meta guard
-- ARGV   contact_id
-- REPLY  the contact
-- ERRORS CONTACT_NOT_FOUND API_NO_PERMISSION WRONG_STATE REQUEST
-- EVENTS assignment.accepted contact.serving agent.changed contact.left assignment.offered contact.matched audit
-- CALLS  70 + 2 * served
-- USES   request done contact settle begin_service own_contact audit agent
local reply = replied(agent)
if reply then return reply end
local c, failure = own_contact(contact_id)
if failure then return failure end
if c.state == 'serving' then return done(contact_json(c)) end
if c.state ~= 'preparing' then return fail('WRONG_STATE', 'the contact is ' .. c.state) end
if is_ringing(c) then return fail('WRONG_STATE', 'its call rings') end

local u = agent(c.agent_id)
audit('start', u.id, c.id)
accept_by_acting(c, u)
begin_service(c, u)
-- With a capacity above 1 he may be able again.
settle(u, 'start')
return done(contact_json(c))
