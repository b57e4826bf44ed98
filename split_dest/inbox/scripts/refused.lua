-- Counts refused requests. ARGV: the hash, then for each count its field and number. Beside each count stands the time of the
-- last one: "<field> last_ms".

local now = string.format('%d', now_ms())
for i = 2, #ARGV, 2 do
  add(ARGV[1], ARGV[i], ARGV[i + 1])
  redis.call('HSET', ARGV[1], ARGV[i] .. ' last_ms', now)
end
