-- Serve one or several queues, or change the priority in them.
--
-- KEYS   meta guard
-- ARGV   agent_id services
-- REPLY  the agent
-- ERRORS NOT_LOGIN QUE_ID_INVALID QUEUE_CLOSED ROLE_CONFLICT PARAM_ERR REQUEST
-- EVENTS agent.service assignment.offered contact.left contact.matched agent.changed audit
-- CALLS  70 + 8 * served
-- USES   request done queue settle agent_json audit agent
--
-- `services` is "id priority id priority …". All of them in one step: the first match sees them all, so an agent
-- who starts three queues gets the customer of the best one, not of the one named first.
local reply = replied(agent)
if reply then return reply end
local u = agent(agent_id)
if u.session == '' then return fail('NOT_LOGIN', 'the agent has no session: hello on the WebSocket comes first') end
if u.contact ~= '' then return fail('ROLE_CONFLICT') end
local added, known = {}, 0
for queue_id, priority in string.gmatch(services, '(%S+) (%d+)') do
  local q = queue(queue_id)
  if not q then return fail('QUE_ID_INVALID', 'there is no queue ' .. queue_id) end
  if q.deleting ~= '' then return fail('QUEUE_CLOSED', 'the queue ' .. queue_id .. ' is being deleted') end
  if redis.call('ZSCORE', AGENT_QUEUES .. agent_id, queue_id) then known = known + 1 end
  added[#added + 1] = {queue_id, tonumber(priority)}
end
local served = (tonumber(u.serves) or 0) + #added - known
if served > 100 then return fail('PARAM_ERR', 'an agent serves at most 100 queues') end

audit('start_service', agent_id)
if u.serves == '' then redis.call('ZADD', AGENTS, 0, agent_id) end
put(u, {serves = served})
for i = 1, #added do
  local id, priority = added[i][1], added[i][2]
  redis.call('ZADD', AGENT_QUEUES .. agent_id, priority, id)
  redis.call('ZADD', QUEUE_AGENTS .. id, 1, agent_id)
  -- Serving a further queue does not change how long he has been idle.
  if u.idle_since ~= '' then redis.call('ZADD', ABLE .. id, priority * PRIORITY_STEP + u.idle_since, agent_id) end
  emit('agent.service', agent_id, '{"agent_id":' .. quote(agent_id) .. ',"queue_id":"' .. id .. '","serving":true,"priority":'
    .. priority .. '}')
  ring(id)
end
settle(u, 'start_service')
return done(function() return agent_json(u) end)
