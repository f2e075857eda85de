-- A tenant's options as JSON, with the default of each that was never set; nothing of its secrets.
-- USES json tenant
local function options_json()
  local v = redis.call('HMGET', META, 'created_at', 'customer_grace', 'agent_grace', 'time_zone', 'origins',
    'customer_reach', 'legacy_login_hash', 'former_secret_hash')
  local origins = {}
  for origin in string.gmatch(v[5] or '', '%S+') do origins[#origins + 1] = quote(origin) end
  return table.concat({
    '{"created_at":', v[1], ',"customer_grace":', v[2], ',"agent_grace":', v[3],
    ',"time_zone":', quote(v[4] or 'UTC'), ',"origins":[', table.concat(origins, ','),
    '],"customer_reach":"', v[6] or 'assigned', '","legacy_login":', (v[7] or '') ~= '' and 'true' or 'false',
    ',"former_secret":', (v[8] or '') ~= '' and 'true' or 'false', '}',
  })
end
