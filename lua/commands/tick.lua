-- Carry out at most 16 due timers, each with the functions that the commands use.
--
-- KEYS   meta guard
-- ARGV
-- REPLY  how many were carried out; due: when the next one is, now where some are left
-- ERRORS none
-- EVENTS those of what it does
-- CALLS  30 + 16 * (110 + 4 * served) + 50 * (30 + 2 * served)
-- FLAGS  allow-oom
-- USES   tenant fail done give_back empty_queue finish close settle call after_call agent
--
-- Any node may run it at any time: what is due is taken here, so two nodes cannot do it twice.
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
  local u = user(id)
  if u.session ~= '' then return end
  local c = u.contact ~= '' and contact(u.contact)
  if c then
    local holder = close_contact(c, 'lost')
    if holder then settle(holder, 'lost') end
  elseif u.call ~= '' then
    local k = find_call(u.call)
    local word = 'lost'
    if k.contact_id ~= '' then word = k.state == 'ringing' and 'withdrawn' or 'agent_lost' end
    end_call(k, 'lost')
    after_call(k, word)
  end
end

-- Nobody answered.
function handlers.ring(id)
  local k = find_call(id)
  if not k or k.state ~= 'ringing' then return end
  leave_call(k)
  local json = call_json(k, '', 'no_answer')
  emit('call.rejected', json, k.caller_id)
  emit('call.ended', json, k.callee_id)
  after_call(k, 'no_answer')
end

function handlers.wrap(id)
  local u = agent(id)
  if u.wrap_until == '' then return end
  put(u, 'wrap_until', '')
  settle(u, 'wrap_up_over')
end

function handlers.cool(id)
  local u = agent(id)
  if u.cool_until == '' then return end
  put(u, 'cool_until', '')
  settle(u, 'cool_down_over')
end

function handlers.delete(id)
  local q = queue(id)
  if q and q.deleting ~= '' then empty_queue(q) end
end

local taken = redis.call('ZRANGEBYSCORE', TIMERS, '-inf', now_text, 'LIMIT', 0, 16)
for i = 1, #taken do
  -- An earlier one of this batch may have disarmed it, or armed it anew.
  local at = redis.call('ZSCORE', TIMERS, taken[i])
  if at and tonumber(at) <= now then
    redis.call('ZREM', TIMERS, taken[i])
    local kind, id = string.match(taken[i], '^(%a+):(.*)$')
    handlers[kind](id)
  end
end
local next_timer = redis.call('ZRANGE', TIMERS, 0, 0, 'WITHSCORES')[2]
local reply = done(tostring(#taken))
reply[3] = next_timer or ''
return reply
