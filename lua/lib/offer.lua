-- Make the assignment: the contact leaves its line (if it is in it), the agent prepares it.
-- USES tenant agent queue contact events timers able line json
-- ONCE offer offer_waiting

-- `rule` says how they came together, `others` how many other agents were able.
local function offer(u, c, rule, agent_priority, others, is_wanted)
  local q = queue(c.queue_id)
  local n = c.offers == '0' and '1' or string.format('%d', c.offers + 1)
  put(c, {
    state = 'preparing',
    agent_id = u.id,
    matched_at = now_text,
    offers = n,
    assignment_state = 'offered',
    deadline_at = arm('assignment', c.id, now + q.offer_timeout * 1000),
    offer = '"assignment_id":"' .. c.id .. '-' .. n .. '","agent_id":' .. quote_id(u.id)
      .. ',"requested":' .. (is_wanted and 'true' or 'false') .. ',"why":{"rule":"' .. rule
      .. '","queue_priority":' .. q.priority .. ',"agent_priority":' .. (agent_priority or 'null')
      .. ',"waited_ms":' .. string.format('%d', now - c.queued_at)
      .. ',"idle_ms":' .. (u.idle_since == '' and '0' or string.format('%d', now - u.idle_since))
      .. ',"others_able":' .. (others or '0') .. '}',
  })
  put(u, {contacts = u.contacts == '' and c.id or u.contacts .. ' ' .. c.id, preparing = c.id})
  redis.call('ZADD', PREPARING .. q.id, now_text, c.id)
  if rule ~= 'transfer' then
    note_wait(c, q)
    emit('contact.left', nil, contact_pieces(c, nil, 'in_service'))
  end
  emit('assignment.offered', u.id, assignment_pieces(c))
  emit('contact.matched', c.addressee, contact_pieces(c))
  ring(q.id)
  u.cause = 'offered'
  index_able(u)
end

-- Offer a contact that waits in its line.
local function offer_waiting(u, c, rule, is_wanted)
  leave_line(c)
  stop_wait_timer(c)
  offer(u, c, rule, redis.call('ZSCORE', AGENT_QUEUES .. u.id, c.queue_id), nil, is_wanted)
end
