-- Finishes claimed messages: each goes from its stream and is counted once, whoever else may try the same.
-- ARGV: prefix, lane, 1 if nothing beside was refused, then for all messages of one outcome: the outcome ('delivered',
-- 'filtered:<reason>' or 'dead'), codes (the reason of a dead one; of others, what was noted about it, between commas), detail,
-- what Split or Segment said, how many messages (a thousand at most), their ids.

local prefix, lane = ARGV[1], ARGV[2]
local stream = prefix .. lane .. ':stream'
local tally = {}

local at = 4
while at <= #ARGV do
  local outcome, codes, detail, words, number = unpack(ARGV, at, at + 4)
  local ids = { unpack(ARGV, at + 5, at + 4 + number) }
  at = at + 5 + number
  local gone = 0
  if outcome == 'dead' then
    for _, id in ipairs(ids) do gone = gone + set_aside(prefix, lane, id, codes, detail, words) end
  else
    redis.call('XACK', stream, 'drains', unpack(ids))
    gone = redis.call('XDEL', stream, unpack(ids))
  end
  tally[outcome] = (tally[outcome] or 0) + gone
  if outcome ~= 'dead' then
    for code in codes:gmatch('[^,]+') do tally['noted:' .. code] = (tally['noted:' .. code] or 0) + gone end
  end
end
count(prefix, lane, tally)
note_first(prefix, lane)
-- Split takes calls again, so the next refusal starts the back-off again.
if ARGV[3] == '1' and (tally.delivered or 0) > 0 and not is_resting(prefix, lane, now_ms()) then
  redis.call('DEL', prefix .. lane .. ':rest')
end
