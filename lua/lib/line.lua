-- The waiting line of a queue, and `heads`, the index of the oldest of every line.
-- USES queue contact timers
-- ONCE leave_line
local PRIORITY_STEP = 4398046511104 -- 2^42 ms: priority first, then time; exact below 2^53 until 2109

-- Say who is the oldest of a queue's line.
local function set_head(q, queued_at)
  redis.call('ZADD', HEADS, string.format('%d', q.priority * PRIORITY_STEP + queued_at), q.id)
end

-- Put a contact into its queue's line; return how many wait before it. A new one is always the last.
local function enter_line(c, q, is_new)
  local key = WAITING .. q.id
  redis.call('ZADD', key, c.queued_at, c.id)
  local rank = is_new and redis.call('ZCARD', key) - 1 or redis.call('ZRANK', key, c.id)
  if rank == 0 and q.deleting == '' then set_head(q, c.queued_at) end
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
      if next_at == '' then next_at = redis.call('ZRANGE', WAITING .. q.id, '0', '0', 'WITHSCORES')[2] end
      if next_at then
        set_head(q, next_at)
      else
        redis.call('ZREM', HEADS, q.id)
      end
    end
  end
end

-- Note how long a contact waited that leaves its line for good, where it is the longest of the queue so far.
local function note_wait(c, q)
  local waited_ms = now - c.queued_at
  if waited_ms > tonumber(q.waited_ms_max) then put(q, {waited_ms_max = string.format('%d', waited_ms)}) end
end

local function stop_wait_timer(c)
  if c.wait_until == '' then return end
  disarm('wait', c.id)
  put(c, {wait_until = ''})
end
