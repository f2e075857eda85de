-- The virtual clock that takes the place of `clock` where tests and simulations set the time.
local function clock()
  return tonumber(redis.call('GET', CLOCK) or 0)
end
