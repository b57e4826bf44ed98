-- Stores messages: claims each id, appends each new message to its lane, and counts.
-- ARGV: prefix, dedupe window in ms (0: off), how many dead letters there may be before bad messages are only counted,
-- bookmark ('': none), the line where it must stand and the line to which it moves, the waiting messages for which a lane has one
-- more drain, every lane and its number of slots, then a message: lanes between commas, bucket, member, reason, detail, text
-- (reason '': good; a bad one makes a dead letter for each lane).
-- Gives {accepted, duplicates, set aside, what became of each message as a letter (a, d, s, or f: counted only), lanes that need
-- more drains than are awake between commas}; {} if the bookmark stands elsewhere, and then nothing is stored.

local prefix, window_ms, most_dead = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local bookmark, after, line = unpack(ARGV, 4, 6)
local now = now_ms()
if bookmark ~= '' then
  local kept = redis.call('HGET', prefix .. 'imports', bookmark) or ''
  local at, accepted, duplicates, dead = kept:match('^(%d+) (%d+) (%d+) (%d+)$')
  if at == line and line ~= after then
    -- The same call once more, after an answer that was lost. It writes again, for WAIT counts only what its connection wrote.
    redis.call('HSET', prefix .. 'imports', bookmark, kept)
    return { tonumber(accepted), tonumber(duplicates), tonumber(dead), '', '' }
  end
  if at ~= after then return {} end
end
-- Claims stand in sets by period, so that a whole period goes at once when it is out of the window.
local width = math.ceil(window_ms / 4)
local period = window_ms > 0 and math.floor(now / width) or 0

local periods = {}
for back = 0, 4 do periods[back] = prefix .. 'seen:' .. (period - back) .. ':' end

local function is_new(bucket, member)
  if window_ms == 0 then return true end
  for back = 1, 4 do
    if redis.call('SISMEMBER', periods[back] .. bucket, member) == 1 then return false end
  end
  local key = periods[0] .. bucket
  if redis.call('SADD', key, member) == 0 then return false end
  if redis.call('SCARD', key) == 1 then redis.call('PEXPIREAT', key, (period + 5) * width) end
  return true
end

local waiting = {}

-- Too few drains for what waits? A cheap look; wake decides.
local function is_asleep(lane, slots)
  local until_ms = redis.call('HGET', prefix .. lane .. ':rest', 'until_ms')
  if until_ms and tonumber(until_ms) > now then return false end
  local keys = {}
  for slot = 0, slots - 1 do keys[#keys + 1] = prefix .. lane .. ':drain:' .. slot end
  local wanted = until_ms and 1 or math.min(slots, math.ceil(waiting[lane] / ARGV[7]))
  return redis.call('EXISTS', unpack(keys)) < wanted
end

local UNKEPT = 'filtered:dead_letters_full'
local LETTERS = { accepted = 'a', duplicate = 'd', dead = 's', [UNKEPT] = 'f' }
local letters = redis.call('XLEN', prefix .. 'dead')
local outcomes, tallies, receipt = {}, {}, { accepted = 0, duplicate = 0, dead = 0, [UNKEPT] = 0 }
local function tally(lane, outcome)
  local mine = tallies[lane] or { received = 0, duplicate = 0, dead = 0, accepted = 0, [UNKEPT] = 0 }
  tallies[lane] = mine
  mine.received, mine[outcome] = mine.received + 1, mine[outcome] + 1
end

for i = 9, #ARGV, 6 do
  local lanes, bucket, member, reason, detail, text = unpack(ARGV, i, i + 5)
  local outcome = not is_new(bucket, member) and 'duplicate' or reason == '' and 'accepted' or 'dead'
  if outcome == 'dead' and letters >= most_dead then outcome = UNKEPT end
  receipt[outcome] = receipt[outcome] + 1
  outcomes[#outcomes + 1] = LETTERS[outcome]
  for lane in lanes:gmatch('[^,]+') do
    tally(lane, outcome)
    if outcome == 'accepted' then
      waiting[lane] = waiting[lane] or redis.call('XLEN', prefix .. lane .. ':stream')
      append(prefix, lane, waiting[lane], text, now)
      waiting[lane] = waiting[lane] + 1
    elseif outcome == 'dead' then
      letters = letters + 1
      redis.call('XADD', prefix .. 'dead', '*', 'lane', lane, 'reason', reason, 'detail', detail, 'm', text, 't', now)
    end
  end
end
local asleep = {}
for lane, slots in ARGV[8]:gmatch('(%a+) (%d+)') do
  local mine = tallies[lane]
  if mine then
    if mine.accepted > 0 and is_asleep(lane, tonumber(slots)) then asleep[#asleep + 1] = lane end
    mine.accepted = nil
    count(prefix, lane, mine)
  end
end
if bookmark ~= '' then
  local kept = { line, receipt.accepted, receipt.duplicate, receipt.dead }
  redis.call('HSET', prefix .. 'imports', bookmark, table.concat(kept, ' '))
end
return { receipt.accepted, receipt.duplicate, receipt.dead, table.concat(outcomes), table.concat(asleep, ',') }
