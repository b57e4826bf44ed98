-- Before each call: is the slot still ours, and may the lane call at all?
-- ARGV: prefix, lane, slot, token, lease_ms. Gives 1 for yes.

local key = ARGV[1] .. ARGV[2] .. ':drain:' .. ARGV[3]
if redis.call('GET', key) ~= ARGV[4] then return 0 end
redis.call('PEXPIRE', key, ARGV[5])
return is_resting(ARGV[1], ARGV[2], now_ms()) and 0 or 1
