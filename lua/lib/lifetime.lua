-- The hash of a user with nothing that should last goes after a day.
-- USES entity
local USER_KEPT_MS = '86400000'
local ageing -- users whose reason to last may have come or gone

local function review_lifetime(u)
  ageing = ageing or {}
  ageing[#ageing + 1] = u
end

local function settle_lifetimes()
  if not ageing then return end
  for i = 1, #ageing do
    local u = ageing[i]
    local settings = redis.call('HMGET', key_of(u), 'dnd', 'capacity')
    if u.session == '' and u.contact == '' and u.serves == '' and u.contacts == ''
        and (settings[1] or '') == '' and (settings[2] or '') == '' then
      redis.call('PEXPIRE', key_of(u), USER_KEPT_MS)
    else
      redis.call('PERSIST', key_of(u))
    end
  end
end
