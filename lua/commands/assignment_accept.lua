-- Accept an offer.
--
-- KEYS   meta guard
-- ARGV   assignment_id
-- REPLY  the assignment
-- ERRORS ASSIGNMENT_GONE QUE_USER_CANCELLED REQUEST
-- EVENTS assignment.accepted
-- CALLS  20
-- USES   request done queue own_assignment
local c, failure = own_assignment(assignment_id)
if failure then return failure end
if c.assignment_state == 'offered' then
  put(c, 'assignment_state', 'accepted')
  put(c, 'deadline_at', now + queue(c.queue_id).connect_timeout * 1000)
  arm('assignment', c.id, c.deadline_at)
  local u = user(actor)
  if u.missed ~= '' then put(u, 'missed', '') end
  emit('assignment.accepted', assignment_json(c), actor)
end
return done(assignment_json(c))
