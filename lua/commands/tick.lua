-- Carry out at most 16 due timers, each with the functions that the commands use.
--
-- KEYS   meta guard
-- ARGV
-- REPLY  how many were carried out; due: when the next one is, now where some are left
-- ERRORS none
-- EVENTS those of what it does
-- CALLS  30 + 16 * (110 + 4 * served) + 50 * (30 + 2 * served)
-- FLAGS  allow-oom
-- USES   tenant fail done give_back empty_queue finish close settle call after_call gap disconnect lose_agent node batch agent
--
-- Any node may run it at any time: what is due is taken here, so two nodes cannot do it twice.
-- Nothing fires in a paused tenant; it is looked at again, because nobody tells the nodes when it goes on.
if paused then return {'OK', '0', string.format('%d', now + 1000)} end

local handlers = {}

-- An offer that nobody answered, or one accepted without a call or a start.
function handlers.assignment(id)
  local c = contact(id)
  if c and c.state == 'preparing' then give_back(c, c.assignment_state == 'offered' and 'missed' or 'not_connected') end
end

function handlers.wait(id)
  local c = contact(id)
  if c and (c.state == 'waiting' or c.state == 'held') then close_contact(c, 'timed_out') end
end

function handlers.grace(id)
  local u = agent(id)
  if u.session ~= '' then return end
  local c = u.contact ~= '' and contact(u.contact)
  if c then
    local holder = close_contact(c, 'lost')
    if holder then settle(holder, 'lost') end
    return
  end
  if u.call ~= '' then
    local k = find_call(u.call)
    local word = 'lost'
    if k.contact_id ~= '' then word = k.state == 'ringing' and 'withdrawn' or 'agent_lost' end
    end_call(k, 'lost')
    after_call(k, word)
  end
  lose_agent(u)
end

-- Nobody answered.
function handlers.ring(id)
  local k = find_call(id)
  if not k or k.state ~= 'ringing' then return end
  leave_call(k)
  local json = call_json(k, '', 'no_answer')
  emit('call.rejected', k.caller_id, json)
  emit('call.ended', k.callee_id, json)
  after_call(k, 'no_answer')
end

-- A node that died: its sessions end, as many as the batch lets (each costs what three others do).
function handlers.lease(node)
  local held = batch_left >= 3 and redis.call('ZRANGE', SESSIONS .. node, 0, math.floor(batch_left / 3) - 1) or {}
  batch_left = batch_left - 3 * #held
  if held[1] then redis.call('ZREM', SESSIONS .. node, unpack(held)) end
  for i = 1, #held do
    local session, id = string.match(held[i], '^([^:]*):(.*)$')
    end_session(agent(id), session)
  end
  if redis.call('EXISTS', SESSIONS .. node) == 1 then arm('lease', node, now) end
end

function handlers.wrap(id)
  local u = agent(id)
  if u.wrap_until == '' then return end
  put(u, {wrap_until = ''})
  settle(u, 'wrap_up_over')
end

function handlers.cool(id)
  local u = agent(id)
  if u.cool_until == '' then return end
  put(u, {cool_until = ''})
  settle(u, 'cool_down_over')
end

function handlers.delete(id)
  local q = queue(id)
  if q and q.deleting ~= '' then empty_queue(q) end
end

local taken = redis.call('ZRANGEBYSCORE', TIMERS, '-inf', now_text, 'LIMIT', 0, 16)
local gap_until, still_until
if taken[1] then gap_until, still_until = gap_ends(taken[1]) end
for i = 1, #taken do
  -- An earlier one of this batch may have disarmed it, or armed it anew.
  local at = tonumber(redis.call('ZSCORE', TIMERS, taken[i]) or now + 1)
  if at <= now then
    redis.call('ZREM', TIMERS, taken[i])
    local kind, id = string.match(taken[i], '^(%a+):(.*)$')
    local is_late = at < gap_until or (kind == 'lease' and at < still_until)
    local carry_out = is_late and again[kind] or handlers[kind]
    carry_out(id)
  end
end
local next_timer = redis.call('ZRANGE', TIMERS, 0, 0, 'WITHSCORES')[2]
redis.call('HSET', META, 'ticked_at', now_text)
if next_timer and tonumber(next_timer) <= now then redis.call('HSET', META, 'behind_at', now_text) end
local reply = done(tostring(#taken))
reply[3] = next_timer or ''
return reply
