-- Pending deadlines: one sorted set, member `kind:id`, so that arming again moves the one there is.
local due_at

local function arm(kind, id, at)
  redis.call('ZADD', TIMERS, at, kind .. ':' .. id)
  if not due_at or at < due_at then due_at = at end
end

local function disarm(kind, id)
  redis.call('ZREM', TIMERS, kind .. ':' .. id)
end
