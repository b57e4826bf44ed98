-- The numbers of lanes in one moment; a script, because a full Redis refuses every MULTI, even of reads alone.
-- ARGV: keys of what was left alone and of attempts over the limit, then for each lane: prefix, lane. Gives {time, workers, what
-- was left alone, attempts, then for each lane {counts, messages, claimed, rest}}.

local told = { redis.call('TIME'), redis.call('ZRANGE', 'sd:workers', 0, -1, 'WITHSCORES') }
told[3], told[4] = redis.call('HGETALL', ARGV[1]), redis.call('GET', ARGV[2])
for i = 3, #ARGV, 2 do
  local prefix, lane = ARGV[i], ARGV[i + 1]
  local stream = prefix .. lane .. ':stream'
  local pending = redis.pcall('XPENDING', stream, 'drains')
  told[#told + 1] = {
    redis.call('HGETALL', prefix .. 'counts'),
    redis.call('XLEN', stream),
    pending.err and 0 or pending[1], -- a lane that was never drained has no group
    redis.call('HGETALL', prefix .. lane .. ':rest'),
  }
end
return told
