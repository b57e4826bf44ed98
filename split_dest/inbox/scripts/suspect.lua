-- A drain is about to map what it claimed: if its worker dies before it vouches, one of these messages may be to blame.
-- ARGV: prefix, lane, slot, token, deaths over what is left so far.

even_if_full(ARGV[1])
local key = ARGV[1] .. ARGV[2] .. ':drain:' .. ARGV[3]
if redis.call('GET', key) ~= ARGV[4] then return 0 end
redis.call('HSET', key .. ':mapping', 'open', 1, 'deaths', ARGV[5])
return 1
