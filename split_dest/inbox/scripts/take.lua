-- A drain begins: takes its slot unless another holds it, another job is to come for it, or the lane rests.
-- ARGV: prefix, lane, slot, token, lease_ms, job id. Gives 0, or when it is taken 1 and how many drains of the slot died while they
-- mapped what is left; the lane has its consumer group then.

even_if_full(ARGV[1])
local key = ARGV[1] .. ARGV[2] .. ':drain:' .. ARGV[3]
local holder = redis.call('GET', key)
-- Its own token stands there when the answer to the same call was lost.
if holder and holder ~= 'queued:' .. ARGV[6] and holder ~= ARGV[4] then return 0 end
if is_resting(ARGV[1], ARGV[2], now_ms()) then
  redis.call('DEL', key)
  return 0
end
local made = redis.pcall('XGROUP', 'CREATE', ARGV[1] .. ARGV[2] .. ':stream', 'drains', '0', 'MKSTREAM')
if made.err and not made.err:find('BUSYGROUP', 1, true) then return made end
redis.call('SET', key, ARGV[4], 'PX', ARGV[5])
if redis.call('HDEL', key .. ':mapping', 'open') == 1 then add(key .. ':mapping', 'deaths', 1) end
return 1 + (tonumber(redis.call('HGET', key .. ':mapping', 'deaths')) or 0)
