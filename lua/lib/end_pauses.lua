-- An agent ends his wrap-up and his cool-down early.
-- USES user timers
local function end_pauses(u)
  for _, kind in ipairs({'wrap', 'cool'}) do
    if u[kind .. '_until'] ~= '' then
      disarm(kind, u.id)
      put(u, kind .. '_until', '')
    end
  end
end
