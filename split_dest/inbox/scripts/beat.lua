-- A worker's sign of life. ARGV: worker's name, lease_ms, then for each drain it runs: key, token.

even_if_full()
local now = now_ms()
redis.call('ZADD', 'sd:workers', now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', 'sd:workers', '-inf', now - 60000)
-- Redis's clock has gone back since those.
redis.call('ZREMRANGEBYSCORE', 'sd:workers', now + 60000, '+inf')
for i = 3, #ARGV, 2 do
  if redis.call('GET', ARGV[i]) == ARGV[i + 1] then redis.call('PEXPIRE', ARGV[i], ARGV[2]) end
end
return now
