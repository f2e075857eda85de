-- What one run may do of the long work that goes on with the next tick: in units of 30 + 2 * served calls.
local batch_left = 50
