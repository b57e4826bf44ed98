-- What was claimed has been mapped without harm: a worker that dies from here on dies of something else.
-- ARGV: prefix, lane, slot, token, then what to forget: 'open' (that something is being mapped), 'deaths' (those over what was
-- left, when nothing of it is left).

local key = ARGV[1] .. ARGV[2] .. ':drain:' .. ARGV[3]
if redis.call('GET', key) ~= ARGV[4] then return 0 end
return redis.call('HDEL', key .. ':mapping', unpack(ARGV, 5))
