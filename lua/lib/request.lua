-- The memory of requests: a changing command on a session happens once for each (user, client, id).
-- USES tenant user fail events json
--
-- It is kept in the same script as the change, so an answer that was lost on the way is simply asked for again:
-- the last id gives the first answer, an older one says that it was done. Errors change nothing and are not kept.
if client ~= '' then
  local me = user(actor)
  if me.client ~= client then return fail('NOT_LOGIN', 'a newer session took over') end
  local last, id = tonumber(me.request_id) or 0, tonumber(request_id)
  if id > 0 then
    if id == last then return {'OK', redis.call('HGET', me.key, 'reply'), ''} end
    if id < last then return {'REPEATED', '', ''} end
    remembering = me
  end
end

-- Record that a supervisor acts for somebody else.
local function audit(command, subject)
  if supervisor == '1' and actor ~= subject then
    emit('audit', '{"actor_id":' .. quote(actor) .. ',"command":"' .. command .. '","subject":' .. quote(subject) .. '}')
  end
end
