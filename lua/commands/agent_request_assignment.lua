-- An agent asks for one contact: by the order rule, the oldest of a queue, or one customer of a queue.
--
-- KEYS   meta guard
-- ARGV   agent_id queue_id customer_id
-- REPLY  the assignment
-- ERRORS NOT_LOGIN QUE_ID_INVALID QUE_SERVICE_NOT_START AGENT_BUSY QUE_NOUSER REQUEST
-- EVENTS assignment.offered contact.left contact.matched agent.changed
-- CALLS  65 + 2 * served
-- USES   request done queue settle end_pauses agent
local reply = replied(agent)
if reply then return reply end
local u = agent(agent_id)
if u.session == '' then return fail('NOT_LOGIN', 'the agent has no session: hello on the WebSocket comes first') end
if queue_id ~= '' and not queue(queue_id) then return fail('QUE_ID_INVALID') end
if u.serves == '' or (queue_id ~= '' and not redis.call('ZSCORE', AGENT_QUEUES .. agent_id, queue_id)) then
  return fail('QUE_SERVICE_NOT_START')
end
if u.preparing ~= '' then
  local c = contact(u.preparing)
  if c.assignment_state == 'offered' then return done(assignment_json(c)) end
  return fail('AGENT_BUSY', 'he has accepted one already')
end
if u.call ~= '' then return fail('AGENT_BUSY', 'he is in a call') end
if load_of(u) >= tonumber(u.capacity) then return fail('AGENT_BUSY', 'he holds as many as he may') end

local c
local rule = 'order'
if customer_id ~= '' then
  rule = 'requested_customer'
  c = contact(user(customer_id).contact)
  if c and (c.state ~= 'waiting' or c.queue_id ~= queue_id) then c = nil end
elseif queue_id ~= '' then
  rule = 'requested_queue'
  c = contact(redis.call('ZRANGE', WAITING .. queue_id, 0, 0)[1] or '')
else
  c = choose_contact(u)
end
if not c or queue(c.queue_id).deleting ~= '' then return fail('QUE_NOUSER') end

end_pauses(u)
offer_waiting(u, c, rule, true)
return done(assignment_json(c))
