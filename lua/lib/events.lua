-- What a command tells the world: one entry at its end, for the log and for the channel of everybody it concerns.
-- USES tenant json
--
-- The entry is a list of pieces of JSON until it is sent: a text costs by its length each time one is made, so there is
-- one for all, and what an event says is in it as pieces, too, where it consists of some.
local entry = {'{"at":', now_text, ',"events":[', nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil}
local pieces_n = 3
local told = {} -- the users who are told something
local bells = {} -- the queues whose counts changed, or their line: those who watch them look again

local function ring(queue_id)
  bells[queue_id] = true
end

-- Add an event to the entry, and tell it to one user, or two, or nobody (nil or false). What it says (its data) has up to
-- three pieces.
local function emit(event, user_id, data, more, rest, other_id)
  local n = pieces_n
  entry[n + 1], entry[n + 2], entry[n + 3], entry[n + 4] = n == 3 and '{"event":"' or ',{"event":"', event, '","data":', data
  n = n + 4
  if more then
    entry[n + 1] = more
    n = n + 1
    if rest then
      entry[n + 1] = rest
      n = n + 1
    end
  end
  if user_id then
    told[user_id] = quote_id(user_id)
    entry[n + 1], entry[n + 2] = ',"to":[', told[user_id]
    n = n + 2
    if other_id then
      told[other_id] = quote_id(other_id)
      entry[n + 1], entry[n + 2] = ',', told[other_id]
      n = n + 2
    end
    entry[n + 1] = ']}'
  else
    entry[n + 1] = '}'
  end
  pieces_n = n + 1
end
