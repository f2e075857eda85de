-- A connection of a user is gone. A session that is not current, and does not watch, changes nothing.
--
-- KEYS   meta guard
-- ARGV   session_id
-- REPLY  true where it was one
-- ERRORS none
-- EVENTS contact.held contact.entered contact.ended contact.left assignment.cancelled assignment.offered contact.matched agent.changed
-- CALLS  75 + 4 * served
-- FLAGS  allow-oom
-- USES   tenant fail done disconnect agent
if not end_session(agent(actor), session_id) then return {'OK', 'false', ''} end
return done('true')
