-- An agent: a user with what decides over his work. Who is read as an agent is compared with himself at the end.
-- USES tenant user agent_state events json
local agents = {}

local function agent(id)
  local u = user(id)
  if not u.state_before then
    u.state_before = agent_state(u)
    u.was_agent = u.serves ~= '' or u.contacts ~= ''
    agents[#agents + 1] = u
  end
  return u
end

-- How many contacts he holds: ids have 18 characters, with a space between them.
local function load_of(u)
  return math.floor((#u.contacts + 1) / 19)
end

-- Tell every agent's change of state or settings. Only who serves a queue or holds a contact has a state to tell.
local function tell_agent_changes()
  for i = 1, #agents do
    local u = agents[i]
    local state = agent_state(u)
    local is_new = state ~= u.state_before
    if is_new then
      put(u, {since_at = now_text})
    end
    if u.settings_changed or (is_new and (u.was_agent or u.serves ~= '' or u.contacts ~= '')) then
      local reason = u.dnd ~= '' and (u.dnd_reason or redis.call('HGET', u.key, 'dnd_reason')) or ''
      local since_at = is_new and now_text or redis.call('HGET', u.key, 'since_at') or now_text
      emit('agent.changed', u.id, '{"agent_id":' .. quote_id(u.id) .. ',"old_state":"' .. u.state_before
        .. '","state":"' .. state .. '","cause":"' .. u.cause .. '","since_at":' .. since_at
        .. ',"dnd":' .. (u.dnd == '' and '0' or u.dnd) .. (reason == '' and '' or ',"dnd_reason":' .. quote(reason))
        .. ',"load":' .. string.format('%d', load_of(u)) .. ',"capacity":' .. u.capacity .. '}')
    end
  end
end
