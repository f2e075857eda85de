-- Reject an offer, or an accepted assignment before it is served: the contact goes back, the agent cools down.
--
-- KEYS   meta guard
-- ARGV   assignment_id
-- REPLY  the assignment as it ended
-- ERRORS ASSIGNMENT_GONE QUE_USER_CANCELLED WRONG_STATE REQUEST
-- EVENTS assignment.rejected contact.returned contact.held contact.entered contact.ended contact.left assignment.offered contact.matched agent.changed
-- CALLS  60 + 2 * served
-- FLAGS  allow-oom
-- USES   request done give_back own_assignment agent
local reply = replied(agent)
if reply then return reply end
local c, failure, ended = own_assignment(assignment_id)
if ended and ended['state'] == 'rejected' then return done(redis.call('GET', ASSIGNMENT .. assignment_id)) end
if failure then return failure end
if c.state ~= 'preparing' then return fail('WRONG_STATE', 'the contact is ' .. c.state) end
if is_ringing(c) then return fail('WRONG_STATE', 'its call rings') end
give_back(c, 'rejected')
return done(redis.call('GET', ASSIGNMENT .. assignment_id))
