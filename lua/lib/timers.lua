-- Pending deadlines: one sorted set, member `kind:id`, so that arming again moves the one there is.
local due_at

-- Arm a timer; return its deadline, as text.
local function arm(kind, id, at)
  local text = string.format('%.0f', at)
  redis.call('ZADD', TIMERS, text, kind .. ':' .. id)
  if not due_at or at < due_at then due_at = at end
  return text
end

local function disarm(kind, id)
  redis.call('ZREM', TIMERS, kind .. ':' .. id)
end
