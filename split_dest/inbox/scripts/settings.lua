-- Gives the JSON of all settings by which live supervisors work. ARGV: prefix of what belongs to none.

local house, texts = ARGV[1], {}
for _, name in ipairs(live_settings(house, now_ms())) do
  texts[#texts + 1] = redis.call('HGET', house .. 'settings', name) or nil
end
return texts
