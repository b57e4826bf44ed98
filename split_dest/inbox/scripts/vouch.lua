-- What a slot claimed has been mapped without harm: a worker that dies from here on dies of something else.
-- ARGV: prefix, lane, slot, token.

local stream = ARGV[1] .. ARGV[2] .. ':stream'
local claimed = redis.call('XPENDING', stream, 'drains', '-', '+', 5000, ARGV[3])
for _, entry in ipairs(claimed) do
  redis.call('XCLAIM', stream, 'drains', ARGV[3], 0, entry[1], 'RETRYCOUNT', 0, 'JUSTID')
end
return #claimed
