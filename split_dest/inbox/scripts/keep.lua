-- Keeps a value for all workers. ARGV: key, value, lifetime in ms (0: for ever).

even_if_full()
redis.call('SET', ARGV[1], ARGV[2])
if ARGV[3] ~= '0' then redis.call('PEXPIRE', ARGV[1], ARGV[3]) end
return 1
