-- The tenant's own hash: that he exists, his time, his ids.
-- USES clock
--
-- `now` never runs backwards: it is at least the last time that a script recorded here. Scripts that make
-- ordered times (queued_at, idle_since) record it by `stamp`.
local meta = redis.call('HMGET', META, 'created_at', 'now', 'seq', 'deleting', 'customer_grace')
if not meta[1] then return {'TOKEN_APPIDNOTEXIST', 'there is no such tenant', ''} end
local last_now, last_seq = tonumber(meta[2]) or 0, tonumber(meta[3]) or -1
local now = clock()
if now < last_now then now = last_now end
local stamped = false

-- Record `now` as a time that later ones must not precede.
local function stamp()
  if now > last_now then last_now, last_seq = now, -1 end
  stamped = true
end

-- Return a new contact id: it sorts by time, also within one millisecond.
local function next_id()
  if now == last_now and last_seq >= 9999 then now = now + 1 end
  stamp()
  last_seq = last_seq + 1
  return string.format('%.0f-%04d', now, last_seq)
end
