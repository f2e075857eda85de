-- What a command tells the world: one log entry, one frame for each user and each queue, all at its end.
-- Kept as pieces and joined once, because copies of long strings cost more than anything else in a script.
local logged = {'['}
local frames, recipients = {}, {}
local bells, rung = {}, {}
local dropped = {} -- queues that are gone once their last message is out

-- Say that the counts of a queue changed, so that those who watch it look again.
local function ring(queue_id)
  local bell = bells[queue_id]
  if not bell then
    bell = {'{"events":['}
    bells[queue_id] = bell
    rung[#rung + 1] = queue_id
  end
  return bell
end

local function append(pieces, event, data)
  local n = #pieces
  pieces[n + 1], pieces[n + 2], pieces[n + 3], pieces[n + 4] = '{"event":"', event, '","data":', data
  pieces[n + 5] = '},'
end

-- Tell an event: into the log, to one user, to those who serve one queue (either may be nil).
local function emit(event, data, user_id, queue_id)
  append(logged, event, data)
  if user_id then
    local frame = frames[user_id]
    if not frame then
      frame = {'{"events":['}
      frames[user_id] = frame
      recipients[#recipients + 1] = user_id
    end
    append(frame, event, data)
  end
  if queue_id then append(ring(queue_id), event, data) end
end

-- Join the pieces; `tail` closes what the first piece opened, in the place of the last comma.
local function join(pieces, tail)
  local n = #pieces
  if n > 1 then
    pieces[n] = '}' .. tail
  else
    pieces[2] = tail
  end
  return table.concat(pieces)
end
