-- After anything that may have made an agent able, or no longer able: match him, or index him.
-- USES tenant able offer contact timers
-- ONCE settle

-- Return the contact that an agent gets by the order rule: of the served queues with somebody waiting, the one
-- with the smallest score in `heads` (priority, then age); among equal scores the smaller contact id.
local function choose_contact(u)
  local heads = redis.call('ZINTER', '2', AGENT_QUEUES .. u.id, HEADS, 'WEIGHTS', '0', '1', 'WITHSCORES')
  local best, next_at
  local i = 1
  while heads[i] and heads[i + 1] == heads[2] do
    local first = redis.call('ZRANGE', WAITING .. heads[i], '0', '1', 'WITHSCORES')
    if not best or first[1] < best then best, next_at = first[1], first[4] or false end
    i = i + 2
  end
  if not best then return nil end
  local c = contact(best)
  c.next_at = next_at
  return c
end

-- Match the agent if he is able and somebody waits for him, and keep the able sets true. `cause` says why his
-- state changed.
--
-- While the tenant is paused nobody is matched: who becomes able cools down until the ticks go on.
local function settle(u, cause)
  if u.cause == '' then u.cause = cause end
  if paused and u.idle_since == '' and is_able(u) then put(u, {cool_until = arm('cool', u.id, now)}) end
  local c
  if is_able(u) then c = choose_contact(u) end
  if c then
    offer_waiting(u, c, 'order')
  else
    index_able(u)
  end
end
