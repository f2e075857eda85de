-- The open assignment that an agent answers, from its id.
-- USES contact fail

-- Return its contact; or nil, the failure, and the assignment where it ended (decoded) and was his.
local function own_assignment(id)
  local c = contact(string.sub(id, 1, 18))
  if c and c.assignment_state ~= '' and id == c.id .. '-' .. c.offers and c.agent_id == actor then return c end
  local ended = redis.call('GET', ASSIGNMENT .. id)
  ended = ended and cjson.decode(ended)
  if not ended or ended['agent_id'] ~= actor then return nil, fail('ASSIGNMENT_GONE', 'there is no such assignment') end
  local code = ended['reason'] == 'customer_left' and 'QUE_USER_CANCELLED' or 'ASSIGNMENT_GONE'
  return nil, fail(code, 'the assignment is ' .. ended['state']), ended
end
