-- Set how many contacts an agent may hold at once.
--
-- KEYS   meta guard
-- ARGV   agent_id capacity
-- REPLY  the agent
-- ERRORS USER_NOT_FOUND REQUEST
-- EVENTS agent.changed assignment.offered contact.left contact.matched audit
-- CALLS  60 + 2 * served
-- USES   request done settle agent_json audit lifetime agent
local reply = replied(agent)
if reply then return reply end
local u = agent(agent_id)
if u.epoch == '' then return fail('USER_NOT_FOUND') end
audit('set_capacity', agent_id)
if capacity ~= u.capacity then
  u.settings_changed = true
  put(u, {capacity = capacity})
end
if u.session == '' then review_lifetime(u) end
settle(u, 'set_capacity')
return done(function() return agent_json(u) end)
