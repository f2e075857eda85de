-- Stop serving a queue. What he already serves, or whose call rings, goes on; what is offered or accepted goes back.
--
-- KEYS   meta guard
-- ARGV   agent_id queue_id
-- REPLY  the agent
-- ERRORS QUE_SERVICE_NOT_START REQUEST
-- EVENTS agent.service assignment.cancelled contact.returned contact.held contact.entered contact.ended contact.left assignment.offered contact.matched agent.changed audit
-- CALLS  80 + 2 * served
-- FLAGS  allow-oom
-- USES   request done service give_back agent_json audit agent
local reply = replied(agent)
if reply then return reply end
local u = agent(agent_id)
if not redis.call('ZSCORE', AGENT_QUEUES .. agent_id, queue_id) then return fail('QUE_SERVICE_NOT_START') end
audit('stop_service', agent_id)
leave_queue(u, queue_id)
local c = u.preparing ~= '' and contact(u.preparing)
if c and c.queue_id == queue_id and not is_ringing(c) then
  give_back(c, 'withdrawn')
else
  settle(u, 'stop_service')
end
return done(function() return agent_json(u) end)
