-- A person drops a dead letter. ARGV: prefix, id. Gives 1 when it was still there.

local prefix, id = ARGV[1], ARGV[2]
local letter = redis.call('XRANGE', prefix .. 'dead', id, id)[1]
if not letter or redis.call('XDEL', prefix .. 'dead', id) == 0 then return 0 end
for i = 1, #letter[2], 2 do
  if letter[2][i] == 'lane' then count(prefix, letter[2][i + 1], { dead = -1, ['filtered:dropped'] = 1 }) end
end
return 1
