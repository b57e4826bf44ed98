-- Claimed messages have been mapped without harm: a worker that dies from here on dies of something else.
-- ARGV: prefix, lane, slot, token, then the messages' ids.

local lane = ARGV[1] .. ARGV[2]
if redis.call('GET', lane .. ':drain:' .. ARGV[3]) ~= ARGV[4] then return 0 end
for i = 5, #ARGV do
  redis.call('XCLAIM', lane .. ':stream', 'drains', ARGV[3], 0, ARGV[i], 'RETRYCOUNT', 0, 'JUSTID')
end
return 1
