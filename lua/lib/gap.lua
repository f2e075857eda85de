-- A gap: for more than 5 s after a timer fell due nobody ticked (Redis was down, or every node).
-- USES tenant contact call entity timers grace node
--
-- Who did not answer or come back meanwhile had nobody to answer or come back to. So what fell due in it is given
-- its lease, grace or offer time once more; a call of the assigned agent is his offer to the customer, and so rings anew.
local GAP_MS = 5000

local function renew_deadline(id)
  local c = contact(id)
  if not c or c.state ~= 'preparing' then return end
  local seconds = redis.call('HGET', QUEUE .. c.queue_id,
    c.assignment_state == 'offered' and 'offer_timeout' or 'connect_timeout')
  put(c, {deadline_at = arm('assignment', id, now + seconds * 1000)})
end

local function renew_grace(id)
  arm_grace(user(id))
end

local function renew_ring(id)
  local k = find_call(id)
  if not k or k.state ~= 'ringing' then return end
  local queue_id = k.contact_id ~= '' and contact(k.contact_id).queue_id or ''
  -- At once: what falls due after it may end the call, and a later write would bring its hash back.
  redis.call('HSET', k.key, 'ring_until', arm('ring', id, now + ring_ms(queue_id)))
end

local again = {lease = renew_lease, grace = renew_grace, assignment = renew_deadline, ring = renew_ring}

-- Return the end of the last gap, and of the last standstill: nobody had ticked for as long as a gap lasts, due or not.
-- Where there are sessions somebody ticks every second; so no node could renew its lease meanwhile, and the end of one
-- says nothing. One in 20 s at most: where ticks are that rare for another reason, a dead node's sessions end all the same.
--
-- The first tick after them finds both, and keeps them for those that go on with what it left. `behind_at` is when a
-- tick last left something: then the age of the oldest timer says nothing of a gap.
local function gap_ends(oldest)
  local known = redis.call('HMGET', META, 'gap_until', 'behind_at', 'ticked_at', 'still_until')
  local gap_until, still_until = tonumber(known[1] or '0'), tonumber(known[4] or '0')
  if known[3] and now - known[3] > GAP_MS and now - still_until > 2 * LEASE_MS then
    still_until = now
    redis.call('HSET', META, 'still_until', now_text)
  end
  local since = tonumber(redis.call('ZSCORE', TIMERS, oldest))
  if known[2] and tonumber(known[2]) > since then since = tonumber(known[2]) end
  if now - since > GAP_MS then
    gap_until = now
    redis.call('HSET', META, 'gap_until', now_text)
  end
  return gap_until, still_until
end
