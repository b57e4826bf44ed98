-- Stores the messages of one request: claims each id, appends each new message to its lane, and counts.
-- ARGV: prefix, dedupe window in ms (0: off), how many dead letters there may be before bad messages are only counted,
-- bookmark ('': none), the line where it must stand and the line to which it moves, then a message: lanes between commas,
-- bucket, member, reason, detail, text (reason '': good; a bad one makes a dead letter for each lane).
-- Gives {accepted, duplicates, set aside}; {} if the bookmark stands elsewhere, and then nothing is stored.

local prefix, window_ms, most_dead = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local bookmark, after, line = unpack(ARGV, 4, 6)
local now = now_ms()
if bookmark ~= '' then
  local kept = redis.call('HGET', prefix .. 'imports', bookmark) or ''
  local at, accepted, duplicates, dead = kept:match('^(%d+) (%d+) (%d+) (%d+)$')
  if at == line and line ~= after then
    -- The same call once more, after an answer that was lost. It writes again, for WAIT counts only what its connection wrote.
    redis.call('HSET', prefix .. 'imports', bookmark, kept)
    return { tonumber(accepted), tonumber(duplicates), tonumber(dead) }
  end
  if at ~= after then return {} end
end
-- Claims stand in sets by period, so that a whole period goes at once when it is out of the window.
local width = math.ceil(window_ms / 4)
local period = window_ms > 0 and math.floor(now / width) or 0

local function is_new(bucket, member)
  if window_ms == 0 then return true end
  for back = 0, 4 do
    local key = prefix .. 'seen:' .. (period - back) .. ':' .. bucket
    if redis.call('SISMEMBER', key, member) == 1 then return false end
  end
  local key = prefix .. 'seen:' .. period .. ':' .. bucket
  local first = redis.call('EXISTS', key) == 0
  redis.call('SADD', key, member)
  if first then redis.call('PEXPIREAT', key, (period + 5) * width) end
  return true
end

local UNKEPT = 'filtered:dead_letters_full'
local letters = redis.call('XLEN', prefix .. 'dead')
local tallies, receipt = {}, { accepted = 0, duplicate = 0, dead = 0, [UNKEPT] = 0 }
local function tally(lane, outcome)
  local mine = tallies[lane] or { received = 0, duplicate = 0, dead = 0, accepted = 0, [UNKEPT] = 0 }
  tallies[lane] = mine
  mine.received, mine[outcome] = mine.received + 1, mine[outcome] + 1
end

for i = 7, #ARGV, 6 do
  local lanes, bucket, member, reason, detail, text = unpack(ARGV, i, i + 5)
  local outcome = not is_new(bucket, member) and 'duplicate' or reason == '' and 'accepted' or 'dead'
  if outcome == 'dead' and letters >= most_dead then outcome = UNKEPT end
  receipt[outcome] = receipt[outcome] + 1
  for lane in lanes:gmatch('[^,]+') do
    tally(lane, outcome)
    if outcome == 'accepted' then
      append(prefix, lane, text, now)
    elseif outcome == 'dead' then
      letters = letters + 1
      redis.call('XADD', prefix .. 'dead', '*', 'lane', lane, 'reason', reason, 'detail', detail, 'm', text, 't', now)
    end
  end
end
for lane, mine in pairs(tallies) do
  mine.accepted = nil
  count(prefix, lane, mine)
end
if bookmark ~= '' then
  local kept = { line, receipt.accepted, receipt.duplicate, receipt.dead }
  redis.call('HSET', prefix .. 'imports', bookmark, table.concat(kept, ' '))
end
return { receipt.accepted, receipt.duplicate, receipt.dead }
