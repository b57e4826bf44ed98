-- Keeps a value for all workers. ARGV: prefix, the rest of the key, value, lifetime in ms (0: for ever).

even_if_full(ARGV[1])
local key = ARGV[1] .. ARGV[2]
redis.call('SET', key, ARGV[3])
if ARGV[4] ~= '0' then redis.call('PEXPIRE', key, ARGV[4]) end
return 1
