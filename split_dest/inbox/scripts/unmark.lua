-- RQ did not take the job that a slot is marked for: clear the marker, so that a worker draining without RQ can take it.
-- ARGV: prefix, lane, slot, job id. Not DEL, to which the endpoints have no right.

local key = ARGV[1] .. ARGV[2] .. ':drain:' .. ARGV[3]
if redis.call('GET', key) == 'queued:' .. ARGV[4] then redis.call('PEXPIRE', key, 0) end
