-- Send a contact in service to a queue or to an able agent; a supervisor moves one that waits to another queue.
--
-- KEYS   meta guard
-- ARGV   contact_id queue_id agent_id
-- REPLY  the contact
-- ERRORS CONTACT_NOT_FOUND API_NO_PERMISSION WRONG_STATE QUE_ID_INVALID QUEUE_CLOSED USER_NOT_FOUND AGENT_BUSY PARAM_ERR REQUEST
-- EVENTS call.ended assignment.completed contact.returned contact.entered contact.left contact.held contact.ended assignment.offered contact.matched agent.changed audit
-- CALLS  110 + 4 * served
-- USES   request done place settle own_contact audit agent
local reply = replied(agent)
if reply then return reply end
local c, failure = own_contact(contact_id)
if failure then return failure end
local waits = c.state == 'waiting' or c.state == 'held'
if c.state ~= 'serving' and not (waits and supervisor == '1' and queue_id ~= '') then
  return fail('WRONG_STATE', 'the contact is ' .. c.state)
end
local target = queue_id ~= '' and queue(queue_id) or queue(c.queue_id)
if queue_id ~= '' then
  if not queue(queue_id) then return fail('QUE_ID_INVALID') end
  if target.open ~= '1' or target.deleting ~= '' then return fail('QUEUE_CLOSED') end
  if waits and queue_id == c.queue_id then return fail('PARAM_ERR', 'the contact waits there already') end
else
  local next_agent = agent(agent_id)
  if next_agent.epoch == '' then return fail('USER_NOT_FOUND') end
  if next_agent.idle_since == '' or agent_id == c.agent_id then return fail('AGENT_BUSY', 'the agent is not able') end
  if target.deleting ~= '' then return fail('QUEUE_CLOSED') end
  if c.presence ~= 'none' and user(c.customer_id).session == '' then
    return fail('WRONG_STATE', 'the customer is disconnected')
  end
end

audit('transfer', c.customer_id, c.id)
local u
local from = queue(c.queue_id)
if waits then
  leave_line(c)
  stop_wait_timer(c)
  emit('contact.left', nil, contact_pieces(c, nil, 'moved'))
  ring(from.id)
else
  end_call_of(c, 'transferred')
  u = end_assignment(c, 'completed')
  wrap_up(u, from)
  -- Who wraps up must not be chosen for what he sends away.
  if u.wrap_until ~= '' then index_able(u) end
  put(c, {wait_from = now_text})
end
if queue_id ~= '' then
  put(c, {queue_id = queue_id})
  place(c, waits and 'moved' or 'transferred')
else
  local agent_priority = redis.call('ZSCORE', AGENT_QUEUES .. agent_id, c.queue_id)
  offer(agent(agent_id), c, 'transfer', agent_priority)
end
look_again_if_deleting(from)
if u then settle(u, 'transfer') end
return done(contact_json(c, position(c)))
