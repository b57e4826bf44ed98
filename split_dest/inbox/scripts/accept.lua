-- Stores the messages of one request: claims each id, appends each new message to its lane, and counts.
-- ARGV: prefix, dedupe window in ms (0: off), then a message: lane, bucket, member, reason, detail, text
-- (reason '': good). Gives {accepted, duplicates, set aside}.

local prefix, window_ms = ARGV[1], tonumber(ARGV[2])
local now = now_ms()
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

local tallies, accepted, duplicates, set_aside = {}, 0, 0, 0
for i = 3, #ARGV, 6 do
  local lane, bucket, member, reason, detail, text = unpack(ARGV, i, i + 5)
  local tally = tallies[lane] or { received = 0, duplicate = 0, dead = 0 }
  tallies[lane] = tally
  tally.received = tally.received + 1
  if not is_new(bucket, member) then
    duplicates = duplicates + 1
    tally.duplicate = tally.duplicate + 1
  elseif reason == '' then
    accepted = accepted + 1
    redis.call('XADD', prefix .. lane .. ':stream', '*', 'm', text, 't', now)
  else
    set_aside = set_aside + 1
    tally.dead = tally.dead + 1
    redis.call('XADD', prefix .. 'dead', '*', 'lane', lane, 'reason', reason, 'detail', detail, 'm', text, 't', now)
  end
end
for lane, tally in pairs(tallies) do count(prefix, lane, tally) end
return { accepted, duplicates, set_aside }
