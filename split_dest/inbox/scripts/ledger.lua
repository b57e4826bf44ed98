-- The numbers of lanes in one moment; a script, because a full Redis refuses every MULTI, even of reads alone.
--
-- ARGV: prefix of what belongs to none, then for each lane: its owner, its name
--
-- Returns {time, workers, jobs that no worker ran, failed attempts over the limit, refused requests, then for each lane
-- {counts, messages, claimed, rest, 1 if it rests}}.

local house = ARGV[1]
local numbers = { redis.call('TIME'), redis.call('ZRANGE', house .. 'workers', 0, -1, 'WITHSCORES') }
numbers[3], numbers[4] = redis.call('HGETALL', house .. 'forbidden'), redis.call('GET', house .. 'limited')
numbers[5] = redis.call('HGETALL', house .. 'refused')
local now = now_ms()
for i = 2, #ARGV, 2 do
  local prefix, lane = house .. ARGV[i] .. ':', ARGV[i + 1]
  local stream = prefix .. lane .. ':stream'
  local pending = redis.pcall('XPENDING', stream, 'drains')
  numbers[#numbers + 1] = {
    redis.call('HGETALL', prefix .. 'counts'),
    redis.call('XLEN', stream),
    pending.err and 0 or pending[1], -- a lane that was never drained has no group
    redis.call('HGETALL', prefix .. lane .. ':rest'),
    is_resting(prefix, lane, now) and 1 or 0,
  }
end
return numbers
