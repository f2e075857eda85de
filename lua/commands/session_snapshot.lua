-- Read everything about the actor in one step.
--
-- KEYS   meta guard
-- ARGV
-- REPLY  the snapshot
-- ERRORS none
-- EVENTS none
-- CALLS  130
-- USES   tenant snapshot agent
return {'OK', snapshot_json(agent(actor)), ''}
