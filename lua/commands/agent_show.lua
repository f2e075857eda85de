-- Read one agent.
--
-- KEYS   meta guard
-- ARGV   agent_id
-- REPLY  the agent
-- ERRORS USER_NOT_FOUND
-- EVENTS none
-- CALLS  5
-- FLAGS  no-writes
-- USES   tenant fail agent_json agent
local u = agent(agent_id)
if u.epoch == '' then return fail('USER_NOT_FOUND') end
return {'OK', agent_json(u), ''}
