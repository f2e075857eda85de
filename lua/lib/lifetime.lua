-- The hash of a user with nothing that should last goes after a day.
-- USES user
local USER_KEPT_MS = '86400000'
local ageing = {} -- users whose reason to last may have come or gone

local function review_lifetime(u)
  ageing[#ageing + 1] = u
end

local function settle_lifetimes()
  for i = 1, #ageing do
    local u = ageing[i]
    if u.session == '' and u.contact == '' and u.serves == '' and u.contacts == '' and u.call == ''
        and u.dnd == '' and u.capacity == '1'
        -- Whether he has a session that watches: asked only where nothing else keeps his hash.
        and not string.find(' ' .. (u.watching or redis.call('HGET', u.key, 'watching') or ''), ' [^: ]') then
      redis.call('PEXPIRE', u.key, USER_KEPT_MS)
    else
      redis.call('PERSIST', u.key)
    end
  end
end
