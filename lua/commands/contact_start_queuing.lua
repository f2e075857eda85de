-- A customer asks for service in a queue, and is matched at once if an agent is able.
--
-- KEYS   meta guard
-- ARGV   customer_id queue_id name ext presence
-- REPLY  the contact
-- ERRORS QUE_ID_INVALID ROLE_CONFLICT ALREADY_OTHERQUE CALL_EXIST QUEUE_CLOSED QUEUE_FULL NO_AGENTS REQUEST
-- EVENTS contact.entered contact.left assignment.offered contact.matched agent.changed audit
-- CALLS  45 + 2 * served
-- USES   request done place grace audit lifetime
--
-- Join and match are one script: between them another command could take the agent.
local reply = replied(user)
if reply then return reply end
local q = queue(queue_id)
if not q then return fail('QUE_ID_INVALID') end
local customer = user(customer_id)
if customer.serves ~= '' or customer.contacts ~= '' then return fail('ROLE_CONFLICT') end
if customer.contact ~= '' then
  local open = contact(customer.contact)
  if open.queue_id ~= queue_id then return fail('ALREADY_OTHERQUE') end
  return done(contact_json(open, position(open)))
end
if customer.call ~= '' then return fail('CALL_EXIST') end
if q.open ~= '1' or q.deleting ~= '' then return fail('QUEUE_CLOSED') end
if q.max_waiting ~= '0' and
    redis.call('ZCARD', WAITING .. queue_id) + redis.call('ZCARD', HELD .. queue_id) >= tonumber(q.max_waiting) then
  return fail('QUEUE_FULL')
end
if q.join_when_no_agents ~= '1' and redis.call('ZCOUNT', QUEUE_AGENTS .. queue_id, 1, 1) == 0 then
  return fail('NO_AGENTS')
end

if name == '' then name = redis.call('HGET', customer.key, 'name') or '' end
create_user(customer)
local c = new_contact(next_id(), customer_id, queue_id, name, ext, presence)
audit('start_queuing', customer_id, c.id)
put(customer, {contact = c.id})
if customer.session == '' then begin_without_session(customer, name, presence) end
local place_now = place(c)
return done(contact_json(c, place_now))
