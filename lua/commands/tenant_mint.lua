-- Say when a token is made: for a request that is repeated, when it was made first. So the same token comes again,
-- and the memory of requests holds none.
--
-- KEYS   meta guard
-- ARGV
-- REPLY  the time, in ms
-- ERRORS REQUEST
-- EVENTS none
-- CALLS  5
-- USES   request done
local reply = replied(user)
if reply then return reply end
return done(now_text)
