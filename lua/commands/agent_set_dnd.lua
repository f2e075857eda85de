-- Set or clear an agent's manual mode. Clearing also ends wrap-up and cool-down, forgets misses, and matches.
--
-- KEYS   meta guard
-- ARGV   agent_id dnd reason
-- REPLY  the agent
-- ERRORS USER_NOT_FOUND REQUEST
-- EVENTS agent.changed assignment.offered contact.left contact.matched audit
-- CALLS  60 + 2 * served
-- USES   request done settle end_pauses agent_json audit lifetime agent
local reply = replied(agent)
if reply then return reply end
local u = agent(agent_id)
if u.epoch == '' then return fail('USER_NOT_FOUND') end
audit('set_dnd', agent_id)
if dnd == '0' then
  dnd, reason = '', ''
  end_pauses(u)
  put(u, {missed = ''})
end
if dnd ~= u.dnd or reason ~= (redis.call('HGET', u.key, 'dnd_reason') or '') then
  u.settings_changed = true
  put(u, {dnd = dnd})
  put(u, {dnd_reason = reason})
end
if u.session == '' then review_lifetime(u) end
settle(u, 'set_dnd')
return done(function() return agent_json(u) end)
