-- What a command tells the world: one log entry, one frame for each user and each queue, all at its end.
--
-- A message is a list of pieces of JSON until it is sent: a text costs by its length each time it is made, so the
-- events are put together once for each message, and not before.
local log = {nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil}
local frames = {} -- user → his message
local bells = {} -- queue → the message for those who watch it; empty where it only rings

-- Add an event to the message for `id`.
local function add(messages, id, head, data)
  local pieces = messages[id]
  if not pieces or not pieces[1] then
    messages[id] = {'{"events":[' .. head, data, '}', nil, nil, nil, nil}
  else
    local n = #pieces
    pieces[n + 1], pieces[n + 2], pieces[n + 3] = ',' .. head, data, '}'
  end
end

-- Say that the counts of a queue changed, so that those who watch it look again.
local function ring(queue_id)
  bells[queue_id] = bells[queue_id] or {}
end

-- Tell an event: into the log, to one user, to those who serve one queue (either may be nil).
local function emit(event, data, user_id, queue_id)
  local head = '{"event":"' .. event .. '","data":'
  local n = #log
  log[n + 1], log[n + 2], log[n + 3] = (n == 0 and '[' or ',') .. head, data, '}'
  if user_id then add(frames, user_id, head, data) end
  if queue_id then add(bells, queue_id, head, data) end
end

-- Tell one more user what was emitted.
local function also_to(user_id, event, data)
  add(frames, user_id, '{"event":"' .. event .. '","data":', data)
end
