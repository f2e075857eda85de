-- Give a contact its place: with an able agent, in the line, or held.
-- USES tenant user queue contact events timers line position offer finish

-- Return the able agent whom a contact of queue `q` gets, and the choice. The able set is in the order of the rule:
-- agent priority, idle longest, smaller id.
local function choose_agent(q)
  local first = redis.call('ZRANGE', ABLE .. q.id, 0, 0, 'WITHSCORES')
  if not first[1] then return nil end
  return agent(first[1]), {
    rule = 'order',
    agent_priority = math.floor(first[2] / PRIORITY_STEP),
    others = redis.call('ZCARD', ABLE .. q.id) - 1,
  }
end

-- Put a contact, new or back, where it belongs; return it as JSON. `word` says why one is back; nil for a new one.
-- The line is passed by when an agent is able: by work conservation nobody waits then.
local function place(c, word)
  local q = queue(c.queue_id)
  if q.deleting ~= '' then return end_contact(c, 'removed') end
  local customer = addressee(c)
  local away = customer and user(customer).session == ''
  local u, choice
  if not away then u, choice = choose_agent(q) end
  local wait_until
  if q.max_wait > 0 then
    -- Counted from the join, or from the last transfer.
    local wait_from = c.wait_from or redis.call('HGET', c.key, 'wait_from') or c.queued_at
    wait_until = wait_from + q.max_wait * 1000
  end
  if wait_until and wait_until <= now and not u and not away then return end_contact(c, 'timed_out') end
  put(c, 'state', away and 'held' or 'waiting')
  put(c, 'agent_id', '')
  put(c, 'matched_at', '')
  local place_now
  if not u then
    if wait_until then
      put(c, 'wait_until', arm('wait', c.id, wait_until))
    end
    if away then
      redis.call('ZADD', HELD .. q.id, c.queued_at, c.id)
      place_now = position(c)
    else
      place_now = enter_line(c, q) + 1 + count_before(HELD .. q.id, c.queued_at, c.id)
    end
  end
  if word then emit(away and 'contact.held' or 'contact.returned', contact_json(c, place_now, word), customer) end
  local json = contact_json(c, place_now)
  emit('contact.entered', json, customer, q.id)
  if u then return offer(u, c, choice) end
  return json
end
