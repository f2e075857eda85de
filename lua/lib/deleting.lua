-- The queues that are being deleted: nobody is able for them. Kept in the tenant's hash, because every change of
-- an agent's ability asks for it.
local known_deleting

local function deleting_queues()
  if not known_deleting then
    known_deleting = {}
    for id in string.gmatch(redis.call('HGET', META, 'deleting') or '', '%S+') do known_deleting[id] = true end
  end
  return known_deleting
end
