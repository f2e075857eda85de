-- What a command tells the world: one log entry, one frame for each user and each queue, all at its end.
-- USES json
local logged = {}
local frames, recipients = {}, {}
local bells, rung = {}, {}
local dropped = {} -- queues that are gone once their last message is out

-- Say that the counts of a queue changed, so that those who watch it look again.
local function ring(queue_id)
  local bell = bells[queue_id]
  if not bell then
    bell = {}
    bells[queue_id] = bell
    rung[#rung + 1] = queue_id
  end
  return bell
end

-- Tell an event: into the log, to one user, to those who serve one queue (either may be nil).
local function emit(event, data, user_id, queue_id)
  local json = '{"event":"' .. event .. '","data":' .. data .. '}'
  logged[#logged + 1] = json
  if user_id then
    local frame = frames[user_id]
    if frame then
      frame[#frame + 1] = json
    else
      frames[user_id] = {json}
      recipients[#recipients + 1] = user_id
    end
  end
  if queue_id then
    local bell = ring(queue_id)
    bell[#bell + 1] = json
  end
end
