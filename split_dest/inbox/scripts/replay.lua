-- A dead letter goes back to a lane. ARGV: prefix, id, lane, text. Gives 1 when it was still there.

local prefix, id, lane = ARGV[1], ARGV[2], ARGV[3]
local letter = redis.call('XRANGE', prefix .. 'dead', id, id)[1]
if not letter or redis.call('XDEL', prefix .. 'dead', id) == 0 then return 0 end
local fields = {}
for i = 1, #letter[2], 2 do fields[letter[2][i]] = letter[2][i + 1] end
local stream = prefix .. lane .. ':stream'
-- Another version may have left out what this one reads.
local accepted_ms = (fields.t or ''):match('^%d+$')
if not accepted_ms or #accepted_ms > 14 then accepted_ms = id:match('^%d+') end
append(prefix, lane, stream, redis.call('XLEN', stream), ARGV[4], accepted_ms, fields.e or '')
-- A text that was unreadable at the endpoint may turn out to belong to another lane.
count(prefix, fields.lane or lane, { dead = -1, received = -1 })
count(prefix, lane, { received = 1 })
return 1
