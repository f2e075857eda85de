-- One batch of deleting a queue: end its contacts, then its agents' service; serving contacts finish first.
-- USES queue contact agent timers events close settle service deleting batch
local dropped -- queues that are gone once their last message is out

-- Take the queue itself away.
local function drop_queue(q)
  redis.call('HDEL', QUEUE_NAMES, redis.call('HGET', QUEUE .. q.id, 'name'))
  redis.call('ZREM', QUEUES, q.id)
  disarm('delete', q.id)
  local deleting, left = deleting_queues(), {}
  deleting[q.id] = nil
  for id in pairs(deleting) do left[#left + 1] = id end
  redis.call('HSET', META, 'deleting', table.concat(left, ' '))
  dropped = dropped or {}
  dropped[#dropped + 1] = q.id
  emit('queue.deleted', nil, '{"queue_id":"' .. q.id .. '"}')
end

-- Its last message has counted once more in its hash.
local function forget_queues()
  for i = 1, dropped and #dropped or 0 do redis.call('UNLINK', QUEUE .. dropped[i]) end
end

-- Return true when the queue is gone.
local function empty_queue(q)
  for _, key in ipairs({WAITING .. q.id, HELD .. q.id, PREPARING .. q.id}) do
    if batch_left > 0 then
      local ids = redis.call('ZRANGE', key, 0, batch_left - 1)
      for i = 1, #ids do
        local u = close_contact(contact(ids[i]), 'removed')
        if u then settle(u, 'removed') end
      end
      batch_left = batch_left - #ids
    end
  end
  if batch_left > 0 then
    local ids = redis.call('ZRANGE', QUEUE_AGENTS .. q.id, 0, batch_left - 1)
    for i = 1, #ids do
      local u = agent(ids[i])
      leave_queue(u, q.id)
      index_able(u)
    end
    batch_left = batch_left - #ids
  end
  if redis.call('EXISTS', WAITING .. q.id, HELD .. q.id, PREPARING .. q.id, QUEUE_AGENTS .. q.id) > 0 then
    arm('delete', q.id, now)
  elseif redis.call('ZCARD', SERVING .. q.id) == 0 then
    drop_queue(q)
    return true
  end
  return false
end
