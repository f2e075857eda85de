-- Write many likenesses of a few keys: ARGV is the commands as JSON, the first and the last number, the ms of number 0,
-- and the queues in turn: how many, the number of the first, and how far they are shifted. In a command's arguments @N is the number, @M the
-- likeness's own ms, @C its contact, @Q its queue.
local commands = cjson.decode(ARGV[1])
local base, queues, first_queue, shift = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
for number = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local ms = string.format('%.0f', base + number)
  local values = {N = tostring(number), M = ms, C = ms .. '-0000', Q = tostring(first_queue + (number + shift) % queues)}
  for _, command in ipairs(commands) do
    local arguments = {}
    for i, text in ipairs(command) do
      arguments[i] = string.find(text, '@', 1, true) and string.gsub(text, '@(%u)', values) or text
    end
    redis.call(unpack(arguments))
  end
end
return 1
