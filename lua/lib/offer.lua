-- Make the assignment: the contact leaves its line (if it is in it), the agent prepares it.
-- USES tenant user queue contact events timers able line json
--
-- choice: rule, agent_priority, others (how many other agents were able), requested.

local function offer(u, c, choice)
  local q = queue(c.queue_id)
  local n = tostring(c.offers + 1)
  put(c, 'state', 'preparing')
  put(c, 'agent_id', u.id)
  put(c, 'matched_at', now_text)
  put(c, 'offers', n)
  put(c, 'assignment_state', 'offered')
  put(c, 'deadline_at', arm('assignment', c.id, now + q.offer_timeout * 1000))
  put(c, 'offer', '"assignment_id":"' .. c.id .. '-' .. n .. '","agent_id":' .. quote(u.id)
    .. ',"requested":' .. (choice.requested and 'true' or 'false') .. ',"why":{"rule":"' .. choice.rule
    .. '","queue_priority":' .. q.priority .. ',"agent_priority":' .. (choice.agent_priority or 'null')
    .. ',"waited_ms":' .. now - c.queued_at .. ',"idle_ms":' .. (u.idle_since == '' and 0 or now - u.idle_since)
    .. ',"others_able":' .. (choice.others or 0) .. '}')
  put(u, 'contacts', u.contacts == '' and c.id or u.contacts .. ' ' .. c.id)
  put(u, 'preparing', c.id)
  redis.call('ZADD', PREPARING .. q.id, now_text, c.id)
  if choice.rule ~= 'transfer' then emit('contact.left', contact_json(c, nil, 'in_service'), nil, q.id) end
  local json = contact_json(c)
  emit('assignment.offered', assignment_json(c, json), u.id)
  emit('contact.matched', json, addressee(c))
  ring(q.id)
  u.cause = 'offered'
  index_able(u)
  return json
end

-- Offer a contact that waits in its line.
local function offer_waiting(u, c, choice)
  leave_line(c)
  stop_wait_timer(c)
  choice.agent_priority = redis.call('ZSCORE', AGENT_QUEUES .. u.id, c.queue_id)
  offer(u, c, choice)
end
