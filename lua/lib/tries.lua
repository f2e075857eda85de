-- How often something is tried in a minute, counted before it is answered.
-- USES fail

-- Count a try; return a failure where there were more than `tries_max`.
local function too_often(key, tries_max, what)
  local tries = redis.call('INCR', key)
  if tries == 1 then redis.call('PEXPIRE', key, 60000) end
  if tries > tonumber(tries_max) then return fail('RATE_LIMITED', 'too many logins ' .. what .. ' in a minute') end
end
