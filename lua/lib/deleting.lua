-- The queues that are being deleted: nobody is able for them. Kept in the tenant's hash, because every change of
-- an agent's ability asks for it.
-- USES tenant
local deleting = {}
if meta[4] then
  for id in string.gmatch(meta[4], '%S+') do deleting[id] = true end
end
