-- Sets aside the first message that the slot's dead drains left: three workers died over it, the last one over it alone.
-- The others were under suspicion together with it once. ARGV: prefix, lane, slot, token, reason.

local prefix, lane = ARGV[1], ARGV[2]
even_if_full(prefix)
local key = prefix .. lane .. ':drain:' .. ARGV[3]
if redis.call('GET', key) ~= ARGV[4] then return 0 end
redis.call('HSET', key .. ':mapping', 'deaths', 1)
local first = redis.call('XPENDING', prefix .. lane .. ':stream', 'drains', '-', '+', 1, ARGV[3])[1]
if not first then return 0 end
count(prefix, lane, { dead = set_aside(prefix, lane, first[1], ARGV[5], '', '') })
note_first(prefix, lane)
return 1
