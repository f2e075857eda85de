-- Give a contact its place: with an able agent, in the line, or held.
-- USES tenant user agent queue contact events timers line position offer finish
-- ONCE place

-- Return the able agent whom a contact of queue `q` gets, his priority there, and how many others are able. The
-- able set is in the order of the rule: agent priority, idle longest, smaller id.
local function choose_agent(q)
  local first = redis.call('ZRANGE', ABLE .. q.id, '0', '0', 'WITHSCORES')
  if not first[1] then return nil end
  return agent(first[1]), math.floor(first[2] / PRIORITY_STEP), redis.call('ZCARD', ABLE .. q.id) - 1
end

-- Return when waiting ends, counted from the join or the last transfer; nil where it has no end.
local function end_of_wait(c, q)
  local seconds = tonumber(q.max_wait)
  if seconds == 0 then return nil end
  return (c.wait_from or redis.call('HGET', c.key, 'wait_from') or c.queued_at) + seconds * 1000
end

-- Put a contact, new or back, where it belongs; return its position, if it has one. `word` says why one is back; nil for a new one.
-- The line is passed by when an agent is able: by work conservation nobody waits then.
local function place(c, word)
  local q = queue(c.queue_id)
  local customer = c.addressee
  local is_away = customer and user(customer).session == ''
  local u, agent_priority, others
  if not is_away then u, agent_priority, others = choose_agent(q) end
  local wait_until = end_of_wait(c, q)
  local lost = q.deleting ~= '' and 'removed'
  if not lost and not u and not is_away and wait_until and wait_until <= now then lost = 'timed_out' end
  if lost then
    end_contact(c, lost)
    return nil
  end

  c.state, c.json = is_away and 'held' or 'waiting', false
  if word then put(c, {agent_id = '', matched_at = ''}) end
  local place_now
  if not u then
    put(c, {state = c.state})
    -- Not earlier than now: a timer that long ago would look as if nobody had ticked since (see `gap`).
    if wait_until then put(c, {wait_until = arm('wait', c.id, math.max(wait_until, now))}) end
    if is_away then
      redis.call('ZADD', HELD .. q.id, c.queued_at, c.id)
      place_now = position(c)
    else
      place_now = enter_line(c, q, not word) + 1 + count_before(HELD .. q.id, c.queued_at, c.id)
    end
    -- A new one is the last, so that its place is how many there are.
    local wait_num = word and redis.call('ZCARD', WAITING .. q.id) + redis.call('ZCARD', HELD .. q.id) or place_now
    if wait_num > tonumber(q.wait_num_max) then put(q, {wait_num_max = wait_num}) end
  end
  if word then emit(is_away and 'contact.held' or 'contact.returned', customer, contact_pieces(c, place_now, word)) end
  emit('contact.entered', customer, contact_pieces(c, place_now))
  ring(q.id)
  if u then offer(u, c, 'order', agent_priority, others) end
  return place_now
end
