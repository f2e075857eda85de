-- JSON of one string. cjson.encode would do, but costs five times as much for the short ids of every event.
local function escape(char)
  return string.format('\\u%04x', string.byte(char))
end

local function quote(text)
  if string.find(text, '[%c"\\]') then text = string.gsub(text, '[%c"\\]', escape) end
  return '"' .. text .. '"'
end
