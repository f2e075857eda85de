-- An assignment that ends before service: the contact goes back to its place, the agent may have to pause.
-- USES finish place settle timers
-- ONCE give_back

-- `word` is rejected, missed, not_connected or withdrawn.
local function give_back(c, word)
  local q = queue(c.queue_id)
  local automatic = not is_requested(c)
  local rules = redis.call('HMGET', q.key, 'reject_cooldown', 'missed_limit')
  local u
  if word == 'rejected' then
    u = end_assignment(c, 'rejected')
  else
    u = end_assignment(c, word == 'missed' and 'missed' or 'cancelled', word)
  end
  if word ~= 'withdrawn' then put(u, {cool_until = arm('cool', u.id, now + rules[1] * 1000)}) end
  if word == 'missed' and automatic then
    local missed = (tonumber(redis.call('HGET', u.key, 'missed') or '') or 0) + 1
    local limit = tonumber(rules[2])
    put(u, {missed = missed})
    if limit > 0 and missed >= limit and u.dnd == '' then
      put(u, {dnd = 1, dnd_reason = 'missed'})
      u.settings_changed = true
    end
  end
  place(c, word)
  settle(u, word)
end
