-- What a command tells the world: one entry at its end, for the log and for the channel of everybody it concerns.
-- USES tenant json
--
-- The entry is a list of pieces of JSON until it is sent: a text costs by its length each time one is made, so there is
-- one for all, and what an event says is in it as pieces, too, where it consists of some.
local entry = {'{"at":', now_text, ',"events":[', nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
  nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil,
  nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil}
local pieces_n = 3
local told = {} -- the users who are told something: their ids as JSON
local bells = {} -- the queues whose counts changed, or their line: those who watch them look again

local function ring(queue_id)
  bells[queue_id] = true
end

-- Add an event to the entry, and tell it to one user or nobody (nil or false). What it says (its data) has up to three
-- pieces.
local function emit(event, user_id, data, more, rest)
  local n = pieces_n + 4
  entry[n - 3], entry[n - 2], entry[n - 1], entry[n] = n == 7 and '{"event":"' or ',{"event":"', event, '","data":', data
  if more then
    n = n + 1
    entry[n] = more
  end
  if rest then
    n = n + 1
    entry[n] = rest
  end
  if user_id then
    local json = told[user_id]
    if not json then
      json = quote_id(user_id)
      told[user_id] = json
    end
    n = n + 2
    entry[n - 1], entry[n] = ',"to":[', json
  end
  pieces_n = n + 1
  entry[n + 1] = user_id and ']}' or '}'
end

-- Tell one more user the last event, which somebody was told.
local function also_to(user_id)
  told[user_id] = quote_id(user_id)
  entry[pieces_n] = ',' .. told[user_id] .. ']}'
end
