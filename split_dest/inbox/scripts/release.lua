-- A drain ends. ARGV: prefix, lane, slot, token, mode, queued_ms, id of the job that follows. Modes:
-- 'empty': only if no message waits unclaimed (atomic with accept, so that none is overlooked); gives 0 if one does.
-- 'turn': its time is over and another drain is about to be enqueued for the slot.
-- 'away': at once.
-- 'fault': at once, for something that a message may be to blame for, as for a worker's death.

local prefix, lane = ARGV[1], ARGV[2]
even_if_full(prefix)
local key = prefix .. lane .. ':drain:' .. ARGV[3]
if redis.call('GET', key) ~= ARGV[4] then return 1 end
if ARGV[5] ~= 'fault' then redis.call('HDEL', key .. ':mapping', 'open') end
if ARGV[5] == 'turn' then
  redis.call('SET', key, 'queued:' .. ARGV[7], 'PX', ARGV[6])
  return 1
end
local pending = redis.pcall('XPENDING', prefix .. lane .. ':stream', 'drains')
local claimed = pending.err and 0 or pending[1]
if ARGV[5] == 'empty' and redis.call('XLEN', prefix .. lane .. ':stream') > claimed then return 0 end
redis.call('DEL', key)
return 1
