-- The tenant's own hash: that he exists, his time, his ids.
-- USES clock fail
-- INLINE stamp
--
-- `now` never runs backwards: it is at least the last time that a script recorded here. Scripts that make
-- ordered times (queued_at, idle_since) record it by `stamp`. `now_text` is the same as text: a number turned
-- into text costs as much as a small command, so it is done once.
local tenant = redis.call('HMGET', META, 'now', 'seq')
if not tenant[1] then return fail('TOKEN_APPIDNOTEXIST', 'there is no such tenant') end
local now = clock()
if now < tonumber(tenant[1]) then now = tonumber(tenant[1]) end
local now_text = string.format('%d', now)
local stamped = false

-- Record `now` as a time that later ones must not precede.
local function stamp()
  stamped = true
end

-- Return a new contact id: it sorts by time, also within one millisecond.
local function next_id()
  local seq = now_text == tenant[1] and tenant[2] + 1 or 0
  if seq > 9999 then
    now, seq = now + 1, 0
    now_text = string.format('%d', now)
  end
  tenant[1], tenant[2] = now_text, seq
  stamped = true
  return now_text .. string.format('-%04d', seq)
end

local function write_time()
  if stamped then redis.call('HSET', META, 'now', now_text, 'seq', now_text == tenant[1] and tenant[2] or '-1') end
end
