-- Stores messages: makes each one's claim, appends each new one to its lanes, and counts.
--
--   ARGV
--   1  prefix     what all keys of the destination or source begin with
--   2  window_ms  how long claims last; 0: nothing is claimed
--   3  max_dead  with this many dead letters, further bad messages are only counted
--   4  bookmark   its name; '': none
--   5  after      the line where the bookmark must stand
--   6  line       the line to which it moves
--   7  per_slot   a lane has one more drain for this many waiting messages
--   8  slots      every lane and its number of slots
--   9  groups of messages that share what comes first:
--      lanes      their names, between commas
--      reason     '': the messages are good; a bad one makes a dead letter for each lane
--      detail     of the reason
--      endpoint   that received them
--      number     how many messages follow, three arguments each:
--                 the member and the set that stand for its claim, and its text
--
-- Returns {accepted, duplicates, set aside, what became of each message as a letter (a, d, s, or f: counted only), lanes that
-- need more drains than are awake between commas}; {} if the bookmark stands elsewhere, and then nothing is stored.

local prefix, window_ms, max_dead = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local bookmark, after, line = unpack(ARGV, 4, 6)
local now, call = now_ms(), redis.call
if bookmark ~= '' then
  local kept = call('HGET', prefix .. 'imports', bookmark) or ''
  local at, accepted, duplicates, dead = kept:match('^(%d+) (%d+) (%d+) (%d+)')
  if at == line and line ~= after then
    -- The same call once more, after an answer that was lost. It writes again, for WAIT counts only what its connection wrote.
    call('HSET', prefix .. 'imports', bookmark, kept)
    return { tonumber(accepted), tonumber(duplicates), tonumber(dead), '', '' }
  end
  if at ~= after then return {} end
end
-- As text, because Redis formats a number again in each call.
local function text_of(number) return string.format('%d', number) end
local accepted_ms = text_of(now)

-- Claims are kept in sets by period, so that Redis removes a whole period once it is out of the window. A period is a quarter
-- of the window of the process that made it, numbered by its length. A hash lists all periods, number -> when it ends and when
-- its claims expire, a window later; so claims still count when the window has changed. (Two windows that are almost the same
-- may share a period: then its claims expire by the first one.)
local list_key, listed = prefix .. 'seen:periods', {}
local width = math.ceil(window_ms / 4)
local number, is_listed = nil, false
local function sets_of(period) return prefix .. 'seen:' .. period .. ':' end
-- What the names of the sets begin with, of each listed period but the current one.
local others = {}
if window_ms > 0 then
  number, listed = text_of(math.floor(now / width)), call('HGETALL', list_key)
  for i = 1, #listed, 2 do
    if listed[i] == number then is_listed = true else others[#others + 1] = sets_of(listed[i]) end
  end
end
local mine = number and sets_of(number)
local function ends_ms() return (number + 1) * width end

-- Lists the current period, and removes from the list those that have expired or ended more than a window ago.
local function list_current()
  local last_ms = ends_ms() + window_ms
  -- The first write, because a full Redis refuses only the first one of a script.
  call('HSET', list_key, number, text_of(ends_ms()) .. ' ' .. text_of(last_ms))
  for i = 1, #listed, 2 do
    local its_end, its_expiry = listed[i + 1]:match('^(%d+) (%d+)')
    if not its_end then
      -- Another version wrote it. Its claims count for one more window.
      its_end, its_expiry = text_of(now), text_of(now + window_ms)
      call('HSET', list_key, listed[i], its_end .. ' ' .. its_expiry)
    end
    if now >= tonumber(its_expiry) or now >= its_end + window_ms then call('HDEL', list_key, listed[i]) end
    last_ms = math.max(last_ms, its_expiry)
  end
  call('PEXPIREAT', list_key, text_of(last_ms))
  is_listed = true
end

local function is_claimed_before(member, bucket)
  for i = 1, #others do
    if call('SISMEMBER', others[i] .. bucket, member) == 1 then return true end
  end
  return false
end

-- Makes a claim; returns false if it was made already.
local function claim(member, bucket)
  if window_ms == 0 then return true end
  if is_claimed_before(member, bucket) then return false end
  if not is_listed then list_current() end
  local key = mine .. bucket
  if call('SADD', key, member) == 0 then return false end
  if call('SCARD', key) == 1 then call('PEXPIREAT', key, text_of(ends_ms() + window_ms)) end
  return true
end

local function is_claimed(member, bucket)
  if window_ms == 0 then return false end
  return is_claimed_before(member, bucket) or call('SISMEMBER', mine .. bucket, member) == 1
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
  if reason ~= '' and letters >= max_dead then
    -- A message that is not even kept claims nothing: sent again when there is room, it becomes a letter.
    return is_claimed(member, bucket) and 'duplicate' or UNKEPT
  end
  if not claim(member, bucket) then return 'duplicate' end
  return reason == '' and 'accepted' or 'dead'
end

local function store(lane, outcome, reason, detail, endpoint, text)
  local tally = lane.tally
  tally.received, tally[outcome] = tally.received + 1, tally[outcome] + 1
  if outcome == 'accepted' then
    append(prefix, lane.name, lane.stream, lane.waiting, text, accepted_ms, endpoint)
    lane.waiting = lane.waiting + 1
  elseif outcome == 'dead' then
    letters = letters + 1
    bury(prefix, lane.name, reason, detail, '', { 'm', text, 't', accepted_ms, 'f', FORMAT, 'e', endpoint })
  end
end

-- Too few drains for what waits? A cheap look; wake decides.
local function is_asleep(lane, slots)
  if is_resting(prefix, lane.name, now) then return false end
  local keys = {}
  for slot = 0, slots - 1 do keys[#keys + 1] = prefix .. lane.name .. ':drain:' .. slot end
  local wanted = call('EXISTS', prefix .. lane.name .. ':rest') == 1 and 1 or math.min(slots, math.ceil(lane.waiting / ARGV[7]))
  return call('EXISTS', unpack(keys)) < wanted
end

local at = 9
while at <= #ARGV do
  local names, reason, detail, endpoint, number = unpack(ARGV, at, at + 4)
  local theirs = {}
  for name in names:gmatch('[^,]+') do theirs[#theirs + 1] = lane_of(name) end
  for i = at + 5, at + 2 + 3 * number, 3 do
    local outcome = outcome_of(ARGV[i], ARGV[i + 1], reason)
    receipt[outcome] = receipt[outcome] + 1
    outcomes[#outcomes + 1] = LETTERS[outcome]
    for n = 1, #theirs do store(theirs[n], outcome, reason, detail, endpoint, ARGV[i + 2]) end
  end
  at = at + 5 + 3 * number
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
