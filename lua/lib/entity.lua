-- Hashes are read once and written once: the copies that were changed. `fetch`, `create`, `extend`, `peek`, `put`
-- and `flush` are written out by the composer (dispatcher/store/entities.py).
local changed = {nil, nil, nil, nil}
