-- The virtual clock that takes the place of `clock` where tests and simulations set the time.
local now = tonumber(redis.call('GET', CLOCK) or 0)
