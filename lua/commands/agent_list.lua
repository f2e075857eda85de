-- List agents in order of their ids: all, or those who serve one queue; from after `cursor`.
--
-- KEYS   meta guard
-- ARGV   queue_id limit cursor
-- REPLY  a page of agents; of one queue's agents the connected ones come last
-- ERRORS QUE_ID_INVALID QUE_SERVICE_NOT_START
-- EVENTS none
-- CALLS  5 + 3 * limit
-- FLAGS  no-writes
-- USES   tenant fail agent_json agent
--
-- The cursor is the number of agents passed over.
local key = AGENTS
if queue_id ~= '' then
  if redis.call('EXISTS', QUEUE .. queue_id) == 0 then return fail('QUE_ID_INVALID') end
  key = QUEUE_AGENTS .. queue_id
  if supervisor ~= '1' and not redis.call('ZSCORE', key, actor) then return fail('QUE_SERVICE_NOT_START') end
end
local first = #cursor < 10 and tonumber(string.match(cursor, '^%d+$')) or 0
limit = tonumber(limit)
local ids = redis.call('ZRANGE', key, first, first + limit)
local items = {}
for i = 1, math.min(limit, #ids) do items[i] = agent_json(agent(ids[i])) end
local more = #ids > limit and ',"cursor":"' .. string.format('%.0f', first + limit) .. '"' or ''
return {'OK', '{"items":[' .. table.concat(items, ',') .. ']' .. more .. '}', ''}
