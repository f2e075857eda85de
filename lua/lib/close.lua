-- The end of an open contact in whatever state.
-- USES finish
-- ONCE close_contact

-- Return the agent who held it, to be settled, if there was one.
local function close_contact(c, reason)
  if c.state == 'serving' then return end_service(c, reason) end
  local u
  if c.state == 'preparing' then
    end_call_of(c, reason)
    u = end_assignment(c, 'cancelled', reason == 'abandoned' and 'customer_left' or reason)
  else
    leave_line(c)
    stop_wait_timer(c)
    note_wait(c, queue(c.queue_id))
    emit('contact.left', nil, contact_pieces(c, nil, reason))
    ring(c.queue_id)
  end
  end_contact(c, reason)
  return u
end
