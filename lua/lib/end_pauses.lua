-- An agent ends his wrap-up and his cool-down early.
-- USES agent timers
local function end_pauses(u)
  if u.wrap_until ~= '' then
    disarm('wrap', u.id)
    put(u, {wrap_until = ''})
  end
  if u.cool_until ~= '' then
    disarm('cool', u.id)
    put(u, {cool_until = ''})
  end
end
