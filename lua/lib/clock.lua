-- The server's time. The only place where TIME is read.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
