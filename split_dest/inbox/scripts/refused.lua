-- Counts refused requests. ARGV: prefix of what belongs to none, then for each count its field and number. Beside each count stands the time of the
-- last one: "<field> last_ms".

local house = ARGV[1]
local now = string.format('%d', now_ms())
for i = 2, #ARGV, 2 do
  add(house .. 'refused', ARGV[i], ARGV[i + 1])
  redis.call('HSET', house .. 'refused', ARGV[i] .. ' last_ms', now)
end
