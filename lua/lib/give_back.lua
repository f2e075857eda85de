-- An assignment that ends before service: the contact goes back to its place, the agent may have to pause.
-- USES finish place settle timers

-- `word` is rejected, missed, not_connected or withdrawn.
local function give_back(c, word)
  local q = queue(c.queue_id)
  local automatic = c.requested == ''
  local u
  if word == 'rejected' then
    u = end_assignment(c, 'rejected')
  else
    u = end_assignment(c, word == 'missed' and 'missed' or 'cancelled', word)
  end
  if word ~= 'withdrawn' then
    put(u, 'cool_until', now + q.reject_cooldown * 1000)
    arm('cool', u.id, u.cool_until)
  end
  if word == 'missed' and automatic then
    put(u, 'missed', (tonumber(u.missed) or 0) + 1)
    local limit = tonumber(q.missed_limit)
    if limit > 0 and u.missed >= limit and u.dnd == '' then
      put(u, 'dnd', 1)
      put(u, 'dnd_reason', 'missed')
      u.settings_changed = true
    end
  end
  place(c, word)
  settle(u, word)
end
