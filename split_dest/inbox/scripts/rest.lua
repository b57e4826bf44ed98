-- A refusal: the lane rests, and this drain ends.
-- ARGV: prefix, lane, slot, token, reason, detail, given wait in ms (-1: none), random number in 0..1, base_ms,
-- cap_ms, 1 if Split's own fault counts against the messages, what Split or Segment said. Gives how long the lane rests, in ms.

local prefix, lane, slot = ARGV[1], ARGV[2], ARGV[3]
even_if_full(prefix)
local rest, now = prefix .. lane .. ':rest', now_ms()
local given, random, base, cap = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local was_resting = is_resting(prefix, lane, now)
-- Drains of several slots that meet the same trouble count as one refusal.
local refusals = (tonumber(redis.call('HGET', rest, 'refusals')) or 0) + (was_resting and 0 or 1)
local wait = given >= 0 and given + random * base or random * math.min(cap, base * 2 ^ refusals)
local until_ms = math.ceil(now + math.min(wait, REST_MAX_MS))
if was_resting then until_ms = math.max(until_ms, tonumber(redis.call('HGET', rest, 'until_ms'))) end
redis.call('HSET', rest, 'until_ms', until_ms, 'refusals', refusals, 'reason', ARGV[5], 'detail', ARGV[6], 'words', ARGV[12])
if ARGV[11] == '1' then
  -- A time that has not come yet is of a clock that has gone back.
  local since_ms = math.min(tonumber(redis.call('HGET', rest, 'since_ms')) or now, now)
  redis.call('HSET', rest, 'since_ms', since_ms)
else
  redis.call('HDEL', rest, 'since_ms')
end

local key = prefix .. lane .. ':drain:' .. slot
if redis.call('GET', key) == ARGV[4] then
  redis.call('DEL', key)
  redis.call('HDEL', key .. ':mapping', 'open')
end
return until_ms - now
