-- A contact, with its open assignment in the same hash: one contact cannot have two.
-- USES tenant entity json
-- HASH card customer_id presence queue_id state agent_id offers=0 assignment_state offer deadline_at matched_at wait_until
-- OWN  queued_at addressee reason ended_at next_at= wait_from
--
-- `card` and `offer` keep what never changes about the contact and about its assignment, as JSON members, because
-- almost every event carries them. An id begins with the time: that is `queued_at`. `offers`, `offer` and
-- `deadline_at` speak of the last assignment; it is open while `assignment_state` is set.
local contacts = {}

-- Return a contact, or nil where there is none.
local function contact(id)
  local c = contacts[id]
  if c then return c end
  local key = CONTACT .. id
  local v = redis.call('HMGET', key, FIELDS_CONTACT)
  if not v[1] then return nil end
  c = ENTITY_CONTACT
  c.queued_at = string.sub(id, 1, 13)
  -- Whom its events go to: nobody where the customer has no connection by nature.
  c.addressee = c.presence ~= 'none' and c.customer_id
  if c.state == 'ended' then
    local ended = redis.call('HMGET', key, 'reason', 'ended_at')
    c.reason, c.ended_at = ended[1], ended[2]
  end
  contacts[id] = c
  return c
end

-- Return a contact that is not in Redis yet.
local function new_contact(id, customer_id, queue_id, name, ext, presence)
  local key, v = CONTACT .. id, {}
  local c = ENTITY_CONTACT
  c.queued_at = string.sub(id, 1, 13)
  c.addressee = presence ~= 'none' and customer_id
  put(c, {
    card = '"contact_id":"' .. id .. '","customer_id":' .. quote_id(customer_id) .. ',"name":' .. quote(name)
      .. ',"queued_at":' .. c.queued_at .. ',"ext":' .. quote(ext),
    customer_id = customer_id,
    presence = presence,
    queue_id = queue_id,
  })
  contacts[id] = c
  return c
end

-- Return the contact as JSON, in two pieces. `place_now` is for one that waits; `reason` says why an event happened to it,
-- or, of an ended one, why it ended.
local function contact_pieces(c, place_now, reason)
  local json = c.json
  if not json then
    local waited_ms = (c.matched_at ~= '' and c.matched_at or c.ended_at or now) - c.queued_at
    json = '{' .. c.card .. ',"queue_id":"' .. c.queue_id .. '","state":"' .. c.state .. '","queuing_time_s":'
      .. string.format('%d', waited_ms / 1000) .. (c.agent_id == '' and '' or ',"agent_id":' .. quote_id(c.agent_id))
    c.json = json
  end
  reason = c.reason or reason
  if not place_now and not reason then return json, ',"position":null}' end
  return json, ',"position":' .. (place_now or 'null') .. (reason and ',"reason":"' .. reason .. '"}' or '}')
end

local function contact_json(c, place_now)
  local json, rest = contact_pieces(c, place_now)
  return json .. rest
end

-- Return the open assignment as JSON, in three pieces around its contact; where it has just ended, with its last state
-- and reason.
local function assignment_pieces(c, ended_state, reason)
  local is_pending = not ended_state and c.state == 'preparing' and c.deadline_at ~= ''
  local json, rest = contact_pieces(c)
  return '{' .. c.offer .. ',"state":"' .. (ended_state or c.assignment_state) .. '","deadline_at":'
    .. (is_pending and c.deadline_at or 'null') .. ',"contact":', json, rest .. (reason and ',"reason":"' .. reason .. '"}' or '}')
end

local function assignment_json(c, ended_state, reason)
  local head, json, rest = assignment_pieces(c, ended_state, reason)
  return head .. json .. rest
end

-- Whether the contact's call rings: its assignment has no deadline then, because the call has one.
local function is_ringing(c)
  return c.state == 'preparing' and c.deadline_at == ''
end

local function is_requested(c)
  return string.find(c.offer, '"requested":true', 1, true) ~= nil
end
