-- A contact, with its open assignment in the same hash: one contact cannot have two.
-- USES entity json tenant
local CONTACT_FIELDS = {
  'customer_id', 'name', 'queue_id', 'state', 'queued_at', 'wait_from', 'wait_until', 'ext', 'presence', 'agent_id',
  'reason', 'ended_at', 'matched_at', 'assignment_id', 'assignment_state', 'offers', 'deadline_at', 'why', 'requested',
}
local contacts = {}

-- Return a contact, or nil where there is none.
local function contact(id)
  local c = contacts[id]
  if c == nil then
    c = load(CONTACT .. id, CONTACT_FIELDS)
    c.id = id
    if c.customer_id == '' then c = false end
    contacts[id] = c
  end
  return c or nil
end

-- Return a contact that is not in Redis yet.
local function new_contact(id)
  local c = {key = CONTACT .. id, id = id}
  for i = 1, #CONTACT_FIELDS do c[CONTACT_FIELDS[i]] = '' end
  contacts[id] = c
  return c
end

-- Return the contact as JSON. `position` is for one that waits; `reason` says why an event happened to it.
local function contact_json(c, position, reason)
  local json = c.json
  if not json then
    local until_at = c.matched_at ~= '' and c.matched_at or c.ended_at ~= '' and c.ended_at or now
    json = table.concat({
      '{"contact_id":"', c.id, '","customer_id":', quote(c.customer_id), ',"name":', quote(c.name),
      ',"queue_id":"', c.queue_id, '","state":"', c.state, '","queued_at":', c.queued_at,
      ',"queuing_time_s":', math.floor((until_at - c.queued_at) / 1000), ',"ext":', quote(c.ext),
      c.agent_id == '' and '' or ',"agent_id":' .. quote(c.agent_id), ',"position":',
    })
    c.json = json
  end
  if c.reason ~= '' then reason = c.reason end
  return json .. (position or 'null') .. (reason and ',"reason":"' .. reason .. '"}' or '}')
end

-- Return the open assignment as JSON; where it has just ended, with its last state and reason.
local function assignment_json(c, state, reason)
  return table.concat({
    '{"assignment_id":"', c.assignment_id, '","state":"', state or c.assignment_state,
    '","agent_id":', quote(c.agent_id), ',"contact":', contact_json(c),
    ',"deadline_at":', (state or c.deadline_at == '') and 'null' or c.deadline_at, ',"why":', c.why,
    ',"requested":', c.requested == '1' and 'true' or 'false', reason and ',"reason":"' .. reason .. '"}' or '}',
  })
end
