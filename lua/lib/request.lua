-- The memory of requests: a changing command on a session happens once for each (user, client, id).
-- USES tenant user fail events json
--
-- It is kept in the same script as the change, so an answer that was lost on the way is simply asked for again:
-- the last id gives the first answer, an older one says that it was done. Errors change nothing and are not kept.

-- Return the reply where there is nothing more to do. `load` is how the command reads its actor: user or agent.
local function replied(load)
  if client == '' then return nil end
  local me = load(actor)
  if me.client ~= client then return fail('NOT_LOGIN', 'a newer session took over') end
  local id = tonumber(request_id)
  if id == 0 then return nil end
  local last = tonumber(me.request_id) or 0
  if id == last then return {'OK', redis.call('HGET', me.key, 'reply'), ''} end
  if id < last then return {'REPEATED', '', ''} end
  remembering = me
end

-- Record that a supervisor acts for somebody else.
local function audit(what, subject)
  if supervisor == '1' and actor ~= subject then
    emit('audit', '{"actor_id":' .. quote(actor) .. ',"command":"' .. what .. '","subject":' .. quote(subject) .. '}')
  end
end
