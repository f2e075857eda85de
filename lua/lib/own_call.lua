-- The call that one of its two parties acts on.
-- USES call fail

-- Return the call, or nil and the failure.
local function own_call(id)
  local k = find_call(id)
  if not k or (k.caller_id ~= actor and k.callee_id ~= actor) then return nil, fail('INVALID_CALLID') end
  return k
end

-- The same for an answer, which only the callee gives.
local function own_call_to_answer(id)
  local k, failure = own_call(id)
  if k and k.callee_id ~= actor then return nil, fail('API_NO_PERMISSION', 'only the other party answers') end
  return k, failure
end
