-- The tenant's own hash: that he exists, his time, his ids.
-- USES clock fail
--
-- `now` never runs backwards: it is at least the last time that a script recorded here. Scripts that make
-- ordered times (queued_at, idle_since) record it by `stamp`. `now_text` is the same as text: a number turned
-- into text costs as much as a small command, so it is done once.
local meta = redis.call('HMGET', META, 'now', 'seq')
if not meta[1] then return fail('TOKEN_APPIDNOTEXIST', 'there is no such tenant') end
local last_now, last_seq = tonumber(meta[1]), tonumber(meta[2])
local now = clock()
if now < last_now then now = last_now end
local now_text = string.format('%.0f', now)
local stamped = false

-- Record `now` as a time that later ones must not precede.
local function stamp()
  if now > last_now then last_now, last_seq = now, -1 end
  stamped = true
end

-- Return a new contact id: it sorts by time, also within one millisecond.
local function next_id()
  if now == last_now and last_seq >= 9999 then
    now = now + 1
    now_text = string.format('%.0f', now)
  end
  stamp()
  last_seq = last_seq + 1
  return now_text .. string.format('-%04d', last_seq)
end
