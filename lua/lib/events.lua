-- What a command tells the world: one log entry, one frame for each user and each queue, all at its end.
-- INLINE ring append join emit
--
-- Kept as pieces and joined once, because copies of long strings cost more than most commands.
local log = {'[', nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil}
local frames = {} -- user → pieces
local bells = {} -- queue → pieces

-- Say that the counts of a queue changed, so that those who watch it look again.
local function ring(queue_id)
  bells[queue_id] = bells[queue_id] or {'{"events":[', nil, nil, nil}
end

local function append(pieces, text)
  local n = #pieces
  pieces[n + 1], pieces[n + 2] = text, ','
end

-- Tell an event: into the log, to one user, to those who serve one queue (either may be nil).
local function emit(event, data, user_id, queue_id)
  local text = '{"event":"' .. event .. '","data":' .. data .. '}'
  append(log, text)
  if user_id then
    frames[user_id] = frames[user_id] or {'{"events":[', nil, nil, nil, nil, nil, nil, nil}
    append(frames[user_id], text)
  end
  if queue_id then
    ring(queue_id)
    append(bells[queue_id], text)
  end
end

-- Join the pieces; `tail` closes what the first piece opened, in the place of the last comma.
local function join(pieces, tail)
  local n = #pieces
  pieces[n == 1 and 2 or n] = tail
  return table.concat(pieces)
end
