-- An agent whose grace is over.
-- USES agent contact timers batch service give_back finish

-- He serves nothing any more, what he prepares is withdrawn, what he serves ends; what is left, with the next tick.
local function lose_agent(u)
  if batch_left >= 3 then
    -- The queues: as many calls as three of the others.
    batch_left = batch_left - 3
    local served = redis.call('ZRANGE', AGENT_QUEUES .. u.id, 0, -1)
    for i = 1, #served do leave_queue(u, served[i]) end
    if u.preparing ~= '' then give_back(contact(u.preparing), 'withdrawn') end
    for id in string.gmatch(u.contacts, '%S+') do
      if batch_left > 0 then
        batch_left = batch_left - 1
        end_service(contact(id), 'agent_lost')
      end
    end
  end
  if u.serves ~= '' or u.contacts ~= '' then arm('grace', u.id, now) end
end
