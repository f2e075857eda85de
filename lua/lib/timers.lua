-- Pending deadlines: one sorted set, member `kind:id`, so that arming again moves the one there is.
local due_at -- the earliest armed here, as text: times have 13 digits, so texts compare like numbers

-- Arm a timer; return its deadline, as text.
local function arm(kind, id, at)
  local text = string.format('%d', at)
  redis.call('ZADD', TIMERS, text, kind .. ':' .. id)
  if not due_at or text < due_at then due_at = text end
  return text
end

local function disarm(kind, id)
  redis.call('ZREM', TIMERS, kind .. ':' .. id)
end
