-- Accept an offer.
--
-- KEYS   meta guard
-- ARGV   assignment_id
-- REPLY  the assignment
-- ERRORS ASSIGNMENT_GONE QUE_USER_CANCELLED REQUEST
-- EVENTS assignment.accepted
-- CALLS  20
-- USES   request done timers own_assignment
local reply = replied(user)
if reply then return reply end
local c, failure = own_assignment(assignment_id)
if failure then return failure end
local is_news = c.assignment_state == 'offered'
if is_news then
  local connect_timeout = redis.call('HGET', QUEUE .. c.queue_id, 'connect_timeout')
  put(c, {assignment_state = 'accepted', deadline_at = arm('assignment', c.id, now + connect_timeout * 1000)})
  local u = user(actor)
  put(u, {missed = ''})
end
local json = assignment_json(c)
if is_news then emit('assignment.accepted', actor, json) end
return done(json)
