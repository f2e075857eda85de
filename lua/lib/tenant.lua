-- The tenant's own hash: that he exists, his time, his ids, and until when somebody watches the status of users.
-- USES clock fail
--
-- A paused one answers UNAVAILABLE to everything but what keeps the truth about connections.
--
-- `now` never runs backwards: it is at least the last time that a script recorded here. Scripts that make
-- ordered times (queued_at, idle_since) set `stamped`, and their end records it. `now_text` is the same as text.
local tenant = redis.call('HMGET', META, 'now', 'seq', 'watched_until', 'paused')
if not tenant[1] then return fail('TOKEN_APPIDNOTEXIST', 'there is no such tenant') end
local paused = tenant[4] == '1'
if paused and not string.find(' node_renew session_close tenant_pause tenant_resume tick ', ' ' .. script .. ' ', 1, true) then
  return fail('UNAVAILABLE', 'the tenant is paused')
end
if now < tonumber(tenant[1]) then now = tonumber(tenant[1]) end
local now_text = string.format('%d', now)
local is_watched = tenant[3] and tenant[3] >= now_text
local stamped = false

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
