-- A supervisor says by which settings it works. ARGV: prefix of what belongs to none, a name for the settings, and the JSON of their
-- destinations and sources ('': as it was said before). Gives the names of all settings by which live supervisors work; nil if the
-- JSON must be said again.

local house, name, text = ARGV[1], ARGV[2], ARGV[3]
redis.call('DEL', house .. 'none') -- as even_if_full
if text == '' and redis.call('HEXISTS', house .. 'settings', name) == 0 then return false end
local now = now_ms()
redis.call('ZADD', house .. 'settings:seen', now, name)
if text ~= '' then
  redis.call('HSET', house .. 'settings', name, text)
  for owner in pairs(cjson.decode(text)) do redis.call('HSET', house .. 'owners', owner, 1) end
end
local seen = redis.call('ZRANGE', house .. 'settings:seen', 0, -1, 'WITHSCORES')
for i = 1, #seen, 2 do
  -- One from the future is of a clock that has gone back.
  if math.abs(now - seen[i + 1]) > 60000 then
    redis.call('ZREM', house .. 'settings:seen', seen[i])
    redis.call('HDEL', house .. 'settings', seen[i])
  end
end
return live_settings(house, now)
