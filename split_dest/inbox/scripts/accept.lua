-- Stores messages: claims each id, appends each new message to its lane, and counts.
-- ARGV: prefix, dedupe window in ms (0: off), how many dead letters there may be before bad messages are only counted,
-- bookmark ('': none), the line where it must stand and the line to which it moves, the waiting messages for which a lane has one
-- more drain, every lane and its number of slots, then what neighbours have in common: lanes between commas, reason ('': good; a
-- bad one makes a dead letter for each lane), detail, how many they are; then of each the member and the set of its claim, and its
-- text.
-- Gives {accepted, duplicates, set aside, what became of each message as a letter (a, d, s, or f: counted only), lanes that need
-- more drains than are awake between commas}; {} if the bookmark stands elsewhere, and then nothing is stored.

local prefix, window_ms, most_dead = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local bookmark, after, line = unpack(ARGV, 4, 6)
local now, call = now_ms(), redis.call
if bookmark ~= '' then
  local kept = call('HGET', prefix .. 'imports', bookmark) or ''
  local at, accepted, duplicates, dead = kept:match('^(%d+) (%d+) (%d+) (%d+)$')
  if at == line and line ~= after then
    -- The same call once more, after an answer that was lost. It writes again, for WAIT counts only what its connection wrote.
    call('HSET', prefix .. 'imports', bookmark, kept)
    return { tonumber(accepted), tonumber(duplicates), tonumber(dead), '', '' }
  end
  if at ~= after then return {} end
end
-- Claims stand in sets by period, so that a whole period goes at once when it is out of the window.
local width = math.ceil(window_ms / 4)
local period = window_ms > 0 and math.floor(now / width) or 0
-- As texts, for Redis writes a number anew in each call.
local accepted_ms, ends_ms = string.format('%d', now), string.format('%d', (period + 5) * width)

local periods = {}
for back = 0, 4 do periods[back] = prefix .. 'seen:' .. (period - back) .. ':' end

local function is_new(member, bucket)
  if window_ms == 0 then return true end
  for back = 1, 4 do
    if call('SISMEMBER', periods[back] .. bucket, member) == 1 then return false end
  end
  local key = periods[0] .. bucket
  if call('SADD', key, member) == 0 then return false end
  if call('SCARD', key) == 1 then call('PEXPIREAT', key, ends_ms) end
  return true
end

local UNKEPT = 'filtered:dead_letters_full'
local LETTERS = { accepted = 'a', duplicate = 'd', dead = 's', [UNKEPT] = 'f' }
local letters = call('XLEN', prefix .. 'dead')
local outcomes, receipt = {}, { accepted = 0, duplicate = 0, dead = 0, [UNKEPT] = 0 }

local lanes = {}
local function lane_of(name)
  if not lanes[name] then
    local stream = prefix .. name .. ':stream'
    local tally = { received = 0, duplicate = 0, dead = 0, accepted = 0, [UNKEPT] = 0 }
    lanes[name] = { name = name, stream = stream, waiting = call('XLEN', stream), tally = tally }
  end
  return lanes[name]
end

local function outcome_of(member, bucket, reason)
  if not is_new(member, bucket) then return 'duplicate' end
  if reason == '' then return 'accepted' end
  return letters < most_dead and 'dead' or UNKEPT
end

local function store(lane, outcome, reason, detail, text)
  local tally = lane.tally
  tally.received, tally[outcome] = tally.received + 1, tally[outcome] + 1
  if outcome == 'accepted' then
    append(prefix, lane.name, lane.stream, lane.waiting, text, accepted_ms)
    lane.waiting = lane.waiting + 1
  elseif outcome == 'dead' then
    letters = letters + 1
    call('XADD', prefix .. 'dead', '*', 'lane', lane.name, 'reason', reason, 'detail', detail, 'm', text, 't', accepted_ms)
  end
end

-- Too few drains for what waits? A cheap look; wake decides.
local function is_asleep(lane, slots)
  local until_ms = call('HGET', prefix .. lane.name .. ':rest', 'until_ms')
  if until_ms and tonumber(until_ms) > now then return false end
  local keys = {}
  for slot = 0, slots - 1 do keys[#keys + 1] = prefix .. lane.name .. ':drain:' .. slot end
  local wanted = until_ms and 1 or math.min(slots, math.ceil(lane.waiting / ARGV[7]))
  return call('EXISTS', unpack(keys)) < wanted
end

local at = 9
while at <= #ARGV do
  local names, reason, detail, number = unpack(ARGV, at, at + 3)
  local theirs = {}
  for name in names:gmatch('[^,]+') do theirs[#theirs + 1] = lane_of(name) end
  for i = at + 4, at + 1 + 3 * number, 3 do
    local outcome = outcome_of(ARGV[i], ARGV[i + 1], reason)
    receipt[outcome] = receipt[outcome] + 1
    outcomes[#outcomes + 1] = LETTERS[outcome]
    for n = 1, #theirs do store(theirs[n], outcome, reason, detail, ARGV[i + 2]) end
  end
  at = at + 4 + 3 * number
end
local asleep = {}
for name, slots in ARGV[8]:gmatch('(%a+) (%d+)') do
  local lane = lanes[name]
  if lane then
    if lane.tally.accepted > 0 and is_asleep(lane, tonumber(slots)) then asleep[#asleep + 1] = name end
    lane.tally.accepted = nil
    count(prefix, name, lane.tally)
  end
end
if bookmark ~= '' then
  local kept = { line, receipt.accepted, receipt.duplicate, receipt.dead }
  call('HSET', prefix .. 'imports', bookmark, table.concat(kept, ' '))
end
return { receipt.accepted, receipt.duplicate, receipt.dead, table.concat(outcomes), table.concat(asleep, ',') }
