-- Change a tenant's options; the next decision uses them.
--
-- KEYS   meta guard
-- ARGV   options
-- REPLY  the options
-- ERRORS none
-- EVENTS audit
-- CALLS  6
-- USES   tenant done write_fields options_json audit
--
-- The audit names what was changed, and no value: one of them is a secret's hash.
local names = {}
for name in pairs(cjson.decode(options)) do names[#names + 1] = name end
table.sort(names)
write_fields(META, options)
if names[1] then audit('update_tenant', table.concat(names, ' ')) end
return done(options_json())
