-- How long a customer without a connection keeps his place.
local function customer_grace_ms()
  return redis.call('HGET', META, 'customer_grace') * 1000
end
