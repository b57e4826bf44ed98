-- Shared by every script: times by Redis's own clock, rests, and which drains to wake. The first argument of each script is the
-- prefix: what the keys of the destination or source begin with, or those that belong to none.

-- No rest is longer: an hour that Retry-After asks for, and the second on top. One that ends later is of a clock that has gone back.
local REST_MAX_MS = 3601000

-- See FORMAT of inbox/drains.py.
local FORMAT = 1

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- For the scripts of delivery, which makes room: Redis, when full, refuses what needs memory only until a script's first write
-- (Redis 6.2 scripting.c, 7 script.c). Accept must not call it.
local function even_if_full(prefix)
  redis.call('DEL', prefix .. 'none')
end

-- Adds to a number of a hash. What stands there and is none, because another version wrote it, counts as 0: a wrong count is
-- better than a lane that stands still.
local function add(key, field, n)
  local reply = redis.pcall('HINCRBY', key, field, n)
  if type(reply) == 'table' and reply.err then redis.call('HSET', key, field, n) end
end

local function count(prefix, lane, tally)
  for field, n in pairs(tally) do
    if n ~= 0 then add(prefix .. 'counts', lane .. ':' .. field, n) end
  end
end

-- Notes since when the oldest message of a lane waits: the endpoint and the console tell it and may read no message.
local function note_oldest(prefix, lane, id)
  redis.call('HSET', prefix .. 'counts', lane .. ':oldest_ms', id:match('^%d+'))
end

-- Appends a message to its lane, in which this many wait already. Its field f is the format of the others.
local function append(prefix, lane, stream, waiting, text, accepted_ms, endpoint)
  local id = redis.call('XADD', stream, '*', 'm', text, 't', accepted_ms, 'f', FORMAT, 'e', endpoint)
  if waiting == 0 then note_oldest(prefix, lane, id) end
end

-- Notes the same of what is first now.
local function note_first(prefix, lane)
  local first = redis.call('XRANGE', prefix .. lane .. ':stream', '-', '+', 'COUNT', 1)[1]
  if first then note_oldest(prefix, lane, first[1]) end
end

-- Appends a dead letter: why it is one, what Split or Segment said, and the fields of the message as in its stream.
local function bury(prefix, lane, reason, detail, words, entry)
  local why = { 'lane', lane, 'reason', reason, 'detail', detail, 'words', words }
  for i = 1, #entry do why[#why + 1] = entry[i] end
  redis.call('XADD', prefix .. 'dead', '*', unpack(why))
end

-- Makes a claimed message a dead letter; gives 0 if it was gone. Its caller counts.
local function set_aside(prefix, lane, id, reason, detail, words)
  local stream = prefix .. lane .. ':stream'
  local entry = redis.call('XRANGE', stream, id, id)[1]
  redis.call('XACK', stream, 'drains', id)
  if not entry then return 0 end
  redis.call('XDEL', stream, id)
  bury(prefix, lane, reason, detail, words, entry[2])
  return 1
end

local function is_resting(prefix, lane, now)
  local left_ms = (tonumber(redis.call('HGET', prefix .. lane .. ':rest', 'until_ms')) or 0) - now
  return left_ms > 0 and left_ms <= REST_MAX_MS
end

-- The names of the settings by which supervisors work that were seen within the last seconds.
local function live_settings(house, now)
  local seen, live = redis.call('ZRANGE', house .. 'settings:seen', 0, -1, 'WITHSCORES'), {}
  for i = 1, #seen, 2 do
    if math.abs(now - seen[i + 1]) < 5000 then live[#live + 1] = seen[i] end
  end
  return live
end

-- Slots whose drain claimed messages and has not settled them: {slot = true}.
local function holders(prefix, lane)
  local found = {}
  local pending = redis.pcall('XPENDING', prefix .. lane .. ':stream', 'drains')
  if pending.err or not pending[4] then return found end
  -- No drain has another name, but a person who looks with XREADGROUP may.
  for _, consumer in ipairs(pending[4]) do found[tonumber(consumer[1]) or 0] = true end
  return found
end

-- Marks as queued the drains that the lane needs and has not, and gives their lanes, slots and jobs. A lane that was refused
-- lately gets one, as a probe.
-- A mark is 'queued:' and the id of its RQ job; it lives as long as the job waits, so that no second job is made.
local function wake(prefix, jobs, lane, slots, per_slot, queued_ms, batch, now)
  local woken = {}
  for slot = 0, slots - 1 do
    local key = prefix .. lane .. ':drain:' .. slot
    local mark = redis.call('GET', key)
    if mark and mark:sub(1, 7) == 'queued:' and redis.call('LPOS', jobs, mark:sub(8)) then
      redis.call('PEXPIRE', key, queued_ms)
    end
  end
  local waiting = redis.call('XLEN', prefix .. lane .. ':stream')
  if waiting == 0 or is_resting(prefix, lane, now) then return woken end
  local probing = redis.call('EXISTS', prefix .. lane .. ':rest') == 1
  local wanted = probing and 1 or math.min(slots, math.ceil(waiting / per_slot))
  local held, order, awake = holders(prefix, lane), {}, 0
  for slot in pairs(held) do order[#order + 1] = slot end
  for slot = 0, slots - 1 do
    if not held[slot] then order[#order + 1] = slot end
  end
  for _, slot in ipairs(order) do
    awake = awake + redis.call('EXISTS', prefix .. lane .. ':drain:' .. slot)
  end
  for _, slot in ipairs(order) do
    local needed = awake < wanted or (held[slot] and not probing)
    local key = prefix .. lane .. ':drain:' .. slot
    local job = batch .. '-' .. lane .. '-' .. slot
    if needed and redis.call('SET', key, 'queued:' .. job, 'NX', 'PX', queued_ms) then
      awake = awake + 1
      woken[#woken + 1] = { lane, slot, job }
    end
  end
  return woken
end
