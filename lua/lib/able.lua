-- Who is able: the predicate, and the able sets, its index. `idle_since` is set exactly while an agent is in them.
-- USES agent deleting line
-- ONCE index_able
local function is_able(u)
  return u.preparing == '' and u.call == '' and u.session ~= '' and u.dnd == '' and u.serves ~= ''
    and u.wrap_until == '' and u.cool_until == '' and load_of(u) < tonumber(u.capacity)
end

-- Bring the able sets in line with the predicate.
local function index_able(u)
  local able = is_able(u)
  if able == (u.idle_since ~= '') then return end
  if able then
    stamped = true
    put(u, {idle_since = now_text})
    local deleting = deleting_queues()
    local served = redis.call('ZRANGE', AGENT_QUEUES .. u.id, '0', '-1', 'WITHSCORES')
    for i = 1, #served, 2 do
      if not deleting[served[i]] then
        redis.call('ZADD', ABLE .. served[i], string.format('%d', served[i + 1] * PRIORITY_STEP + now), u.id)
      end
    end
  else
    put(u, {idle_since = ''})
    local served = redis.call('ZRANGE', AGENT_QUEUES .. u.id, '0', '-1')
    for i = 1, #served do redis.call('ZREM', ABLE .. served[i], u.id) end
  end
end
