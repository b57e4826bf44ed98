-- The numbers of lanes in one moment; a script, because a full Redis refuses every MULTI, even of reads alone.
--
-- ARGV: forbidden  the hash of jobs that no worker ran
--       limited    the count of failed attempts over the limit
--       refused    the hash of refused requests
--       then for each lane: its prefix, its name
--
-- Returns {time, workers, forbidden, limited, refused, then for each lane {counts, messages, claimed, rest}}.

local numbers = { redis.call('TIME'), redis.call('ZRANGE', 'sd:workers', 0, -1, 'WITHSCORES') }
numbers[3], numbers[4], numbers[5] = redis.call('HGETALL', ARGV[1]), redis.call('GET', ARGV[2]), redis.call('HGETALL', ARGV[3])
for i = 4, #ARGV, 2 do
  local prefix, lane = ARGV[i], ARGV[i + 1]
  local stream = prefix .. lane .. ':stream'
  local pending = redis.pcall('XPENDING', stream, 'drains')
  numbers[#numbers + 1] = {
    redis.call('HGETALL', prefix .. 'counts'),
    redis.call('XLEN', stream),
    pending.err and 0 or pending[1], -- a lane that was never drained has no group
    redis.call('HGETALL', prefix .. lane .. ':rest'),
  }
end
return numbers
