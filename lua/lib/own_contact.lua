-- The contact that an agent acts on: his own, or any one for a supervisor.
-- USES contact fail

-- Return the contact, or nil and the failure.
local function own_contact(id)
  local c = contact(id)
  if not c then return nil, fail('CONTACT_NOT_FOUND') end
  if supervisor ~= '1' and c.agent_id ~= actor then
    return nil, fail('API_NO_PERMISSION', 'the contact is not assigned to you')
  end
  return c
end
