-- What the end of a call means for the work it belonged to; the call itself has ended.
-- USES call contact close give_back settle
-- ONCE after_call refuse

-- `word`: refused, no_answer, lost, completed (a hang-up after the answer); while it rang also rejected (the agent
-- hung up) and withdrawn (he is lost).
local function after_call(k, word)
  if k.contact_id == '' then
    settle(agent(k.caller_id), word)
    settle(agent(k.callee_id), word)
    return
  end
  local c = contact(k.contact_id)
  if word == 'rejected' or word == 'withdrawn' then
    give_back(c, word)
  else
    settle(close_contact(c, word), word)
  end
end

-- End a call that rings because its callee does not want it; return it as JSON.
local function refuse(k, ext)
  leave_call(k)
  local json = call_json(k, ext, 'refused')
  emit('call.rejected', k.caller_id, json)
  after_call(k, 'refused')
  return json
end
