-- What a command tells the world: one log entry, one frame for each user and each queue, all at its end.
-- INLINE ring
local log = {nil, nil, nil, nil, nil, nil, nil, nil}
local frames = {} -- user → his events, as JSON
local bells = {} -- queue → what those who watch it are told; empty where it only rings

-- Say that the counts of a queue changed, so that those who watch it look again.
local function ring(queue_id)
  bells[queue_id] = bells[queue_id] or ''
end

-- Tell an event: into the log, to one user, to those who serve one queue (either may be nil).
local function emit(event, data, user_id, queue_id)
  local text = '{"event":"' .. event .. '","data":' .. data .. '}'
  log[#log + 1] = text
  if user_id then
    local before = frames[user_id]
    frames[user_id] = before and before .. ',' .. text or text
  end
  if queue_id then
    local before = bells[queue_id] or ''
    bells[queue_id] = before == '' and text or before .. ',' .. text
  end
end
