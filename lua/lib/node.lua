-- The sessions that a node holds, and its lease: they count as connected for as long as the node renews it.
-- USES tenant timers
local LEASE_MS = 10000

local function renew_lease(node)
  arm('lease', node, now + LEASE_MS)
end

-- A session without a node (of a simulation) has no lease: it lasts until it is closed.
local function hold_session(node, session, user_id)
  if node == '' then return end
  redis.call('ZADD', SESSIONS .. node, now_text, session .. ':' .. user_id)
  renew_lease(node)
end

local function let_session_go(node, session, user_id)
  if node == '' then return end
  redis.call('ZREM', SESSIONS .. node, session .. ':' .. user_id)
  if redis.call('EXISTS', SESSIONS .. node) == 0 then disarm('lease', node) end
end
