-- A worker's sign of life. ARGV: prefix of what belongs to none, worker's name, lease_ms, then for each drain it runs: key, token.

local house = ARGV[1]
redis.call('DEL', house .. 'none') -- as even_if_full
local now = now_ms()
redis.call('ZADD', house .. 'workers', now, ARGV[2])
redis.call('ZREMRANGEBYSCORE', house .. 'workers', '-inf', now - 60000)
-- Redis's clock has gone back since those.
redis.call('ZREMRANGEBYSCORE', house .. 'workers', now + 60000, '+inf')
for i = 4, #ARGV, 2 do
  if redis.call('GET', ARGV[i]) == ARGV[i + 1] then redis.call('PEXPIRE', ARGV[i], ARGV[3]) end
end
return now
