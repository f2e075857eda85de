-- The reply of a command that changes nothing.
local function fail(code, detail)
  return {code, detail or '', ''}
end
