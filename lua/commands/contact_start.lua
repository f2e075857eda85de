-- An agent begins to serve a contact without a call. Implies accept, in whichever order the two arrive.
--
-- KEYS   meta guard
-- ARGV   contact_id
-- REPLY  the contact
-- ERRORS CONTACT_NOT_FOUND API_NO_PERMISSION WRONG_STATE REQUEST
-- EVENTS assignment.accepted contact.serving agent.changed contact.left assignment.offered contact.matched audit
-- CALLS  70 + 2 * served
-- USES   request done contact settle own_contact audit agent
local reply = replied(agent)
if reply then return reply end
local c, failure = own_contact(contact_id)
if failure then return failure end
if c.state == 'serving' then return done(contact_json(c)) end
if c.state ~= 'preparing' then return fail('WRONG_STATE', 'the contact is ' .. c.state) end

local u = agent(c.agent_id)
audit('start', u.id)
disarm('assignment', c.id)
put(c, 'deadline_at', '')
if c.assignment_state == 'offered' then
  put(c, 'assignment_state', 'accepted')
  emit('assignment.accepted', assignment_json(c, contact_json(c)), u.id)
end
put(c, 'assignment_state', 'serving')
put(c, 'state', 'serving')
put(u, 'preparing', '')
put(u, 'missed', '')
redis.call('ZREM', PREPARING .. c.queue_id, c.id)
redis.call('ZADD', SERVING .. c.queue_id, now_text, c.id)
ring(c.queue_id)
local json = contact_json(c)
emit('contact.serving', json, c.addressee)
-- With a capacity above 1 he may be able again.
settle(u, 'start')
return done(json)
