-- A worker puts back a job for a lane that its settings do not have, behind all others, while its slot is marked for it; a job that
-- nobody marked is for nobody any more. ARGV: prefix, lane, slot, job id, the list of the jobs that wait, the job's key.
-- Gives 1 if it is put back.

even_if_full(ARGV[1])
local key = ARGV[1] .. ARGV[2] .. ':drain:' .. ARGV[3]
redis.call('LREM', ARGV[5] .. ':intermediate', 1, ARGV[4])
if redis.call('GET', key) ~= 'queued:' .. ARGV[4] then
  redis.call('EXPIRE', ARGV[6], 60)
  return 0
end
redis.call('RPUSH', ARGV[5], ARGV[4])
return 1
