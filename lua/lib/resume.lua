-- A held contact whose customer is back: it waits again in its old place, or is matched at once; in a queue
-- that is being deleted it waits for its turn to end.
-- USES place
local function resume(c)
  local q = queue(c.queue_id)
  redis.call('ZREM', HELD .. q.id, c.id)
  put(c, {state = 'waiting'})
  local u, agent_priority, others
  if q.deleting == '' then u, agent_priority, others = choose_agent(q) end
  local before = not u and enter_line(c, q)
  local place_now = before and before + 1 + count_before(HELD .. q.id, c.queued_at, c.id)
  emit('contact.resumed', c.customer_id, contact_pieces(c, place_now))
  if u then
    stop_wait_timer(c)
    offer(u, c, 'order', agent_priority, others)
  else
    ring(q.id)
  end
end
