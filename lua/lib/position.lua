-- The place of a contact among those who wait and those who are held, both in the order (queued_at, id).

-- Count the members of a line that stand before (queued_at, id). Members of the same millisecond are ordered
-- by id: found by halving, at most 14 steps for the 10,000 ids a millisecond has.
local function count_before(key, queued_at, id)
  if redis.call('ZCARD', key) == 0 then return 0 end
  local low = redis.call('ZCOUNT', key, '-inf', '(' .. queued_at)
  local high = low + redis.call('ZCOUNT', key, queued_at, queued_at)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if redis.call('ZRANGE', key, middle, middle)[1] < id then low = middle + 1 else high = middle end
  end
  return low
end

-- Return the 1-based position of a contact that waits or is held, else nil.
local function position(c)
  if c.state == 'waiting' then
    return redis.call('ZRANK', WAITING .. c.queue_id, c.id) + 1 + count_before(HELD .. c.queue_id, c.queued_at, c.id)
  elseif c.state == 'held' then
    return redis.call('ZRANK', HELD .. c.queue_id, c.id) + 1 + count_before(WAITING .. c.queue_id, c.queued_at, c.id)
  end
end
