-- Finishes claimed messages: each goes from its stream and is counted once, whoever else may try the same.
-- ARGV: prefix, lane, 1 if nothing beside was refused, then a message: id, outcome ('delivered', 'filtered:<reason>' or
-- 'dead'), codes (the reason of a dead one; of others, what was noted about it, between commas), detail.
-- Gives how many were still there.

local prefix, lane = ARGV[1], ARGV[2]
local stream = prefix .. lane .. ':stream'
local now, tally, settled = now_ms(), {}, 0
for i = 4, #ARGV, 4 do
  local id, outcome, codes, detail = unpack(ARGV, i, i + 3)
  local entry = outcome == 'dead' and redis.call('XRANGE', stream, id, id)[1]
  redis.call('XACK', stream, 'drains', id)
  if redis.call('XDEL', stream, id) == 1 then
    settled = settled + 1
    tally[outcome] = (tally[outcome] or 0) + 1
    if outcome ~= 'dead' then
      for code in codes:gmatch('[^,]+') do tally['noted:' .. code] = (tally['noted:' .. code] or 0) + 1 end
    elseif entry then
      redis.call('XADD', prefix .. 'dead', '*', 'lane', lane, 'reason', codes, 'detail', detail, unpack(entry[2]))
    end
  end
end
count(prefix, lane, tally)
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
if first then note_oldest(prefix, lane, first[1]) end
-- Split takes calls again, so the next refusal starts the back-off anew.
if ARGV[3] == '1' and tally.delivered and not is_resting(prefix, lane, now) then redis.call('DEL', prefix .. lane .. ':rest') end
return settled
