-- The waiting line of a queue, and `heads`, the index of the oldest of every line.
-- USES queue contact timers
local PRIORITY_STEP = 4398046511104 -- 2^42 ms: priority first, then time; exact below 2^53 until 2109

-- Put a contact into its queue's line; return how many wait before it.
local function enter_line(c, q)
  redis.call('ZADD', WAITING .. q.id, c.queued_at, c.id)
  local rank = redis.call('ZRANK', WAITING .. q.id, c.id)
  if rank == 0 then redis.call('ZADD', HEADS, q.priority * PRIORITY_STEP + c.queued_at, q.id) end
  return rank
end

-- Take a contact that waits or is held out of its queue.
local function leave_line(c)
  local q = queue(c.queue_id)
  if c.state == 'held' then
    redis.call('ZREM', HELD .. q.id, c.id)
  else
    redis.call('ZREM', WAITING .. q.id, c.id)
    if q.deleting == '' then
      -- Who chose the contact as the head of its line has seen the one behind it.
      local next_at = c.next_at
      if next_at == nil then next_at = redis.call('ZRANGE', WAITING .. q.id, 0, 0, 'WITHSCORES')[2] end
      if next_at then
        redis.call('ZADD', HEADS, q.priority * PRIORITY_STEP + next_at, q.id)
      else
        redis.call('ZREM', HEADS, q.id)
      end
    end
  end
end

local function stop_wait_timer(c)
  if c.wait_until ~= '' then
    disarm('wait', c.id)
    put(c, 'wait_until', '')
  end
end
