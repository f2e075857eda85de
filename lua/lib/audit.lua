-- USES events json
-- Record that a supervisor acts for somebody else; on which contact, where it is one.
local function audit(what, subject, contact_id)
  if supervisor == '1' and actor ~= subject then
    emit('audit', nil, '{"actor_id":' .. quote(actor) .. ',"command":"' .. what .. '","subject":' .. quote(subject)
      .. (contact_id and ',"contact_id":"' .. contact_id .. '"}' or '}'))
  end
end
