-- USES events json
-- Record that a supervisor acts for somebody else.
local function audit(what, subject)
  if supervisor == '1' and actor ~= subject then
    emit('audit', nil, '{"actor_id":' .. quote(actor) .. ',"command":"' .. what .. '","subject":' .. quote(subject) .. '}')
  end
end
