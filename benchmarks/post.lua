-- wrk posts messages, each with its own id and user, and say at the end what came of them, as JSON.
-- Arguments: a number for the ids of this run, messages a request, requests a second (0: no limit),
-- the file of the message, the secret.

local ffi = require('ffi')
ffi.cdef('typedef struct { long seconds, nanoseconds; } moment; int clock_gettime(int, moment *);')

local USERS, MONOTONIC, BEGIN_AFTER_NS = 100000, 1, 5e8
local threads, template, messages, rate = {}, nil, 1, 0
local due_ns, dues_ns, planned, sent = nil, {}, 0, 0
-- How many requests left later than they were due, by milliseconds; of each thread, and at the end of all.
late_counts = {}

function setup(thread)
  thread:set('number', #threads)
  threads[#threads + 1] = thread
end

local now = ffi.new('moment')
local function now_ns()
  ffi.C.clock_gettime(MONOTONIC, now)
  return tonumber(now.seconds) * 1e9 + tonumber(now.nanoseconds)
end

-- Requests are due one after the other, as of senders that know nothing of each other, however late those before
-- were answered; of connections that wait, the first to go on takes the first. Connections are made before.
local function until_due()
  due_ns = (due_ns or now_ns() + BEGIN_AFTER_NS) - math.log(1 - math.random()) * 1e9 / rate
  planned = planned + 1
  dues_ns[planned] = due_ns
  return math.max(math.ceil((due_ns - now_ns()) / 1e6), 0)
end

function init(args)
  math.randomseed(tonumber(args[1]) + number)
  messages, rate = tonumber(args[2]), tonumber(args[3])
  local file = io.open(args[4])
  template = file:read('*a'):gsub('%s+$', '')
  file:close()
  if rate > 0 then
    -- Whoever receives it can tell how old it is.
    template = template:gsub('"properties":{', '%0"due_ns":DUE_NS,')
    delay = until_due
  end
  template = { template:match('^(.-)MESSAGE_ID(.-)USER_ID(.*)$') }
  wrk.method = 'POST'
  wrk.headers['Authorization'] = args[5]
  wrk.headers['Content-Type'] = 'application/json'
end

local function next_due_ns()
  -- wrk asks for one request before it begins, to see what it is.
  if planned == 0 then return 0 end
  sent = sent + 1
  local due = dues_ns[sent]
  dues_ns[sent] = nil
  local late_ms = math.max(math.floor((now_ns() - due) / 1e6), 0)
  late_counts[late_ms] = (late_counts[late_ms] or 0) + 1
  return due
end

local function id()
  local random = math.random
  return string.format('%08x-%04x-4%03x-%04x-%06x%06x', random(0, 0xffffffff), random(0, 0xffff),
    random(0, 0xfff), random(0x8000, 0xbfff), random(0, 0xffffff), random(0, 0xffffff))
end

function request()
  local texts, after = {}, template[3]
  if rate > 0 then after = after:gsub('DUE_NS', string.format('%d', next_due_ns())) end
  for i = 1, messages do
    texts[i] = template[1] .. id() .. template[2] .. string.format('%013x', math.random(USERS)) .. after
  end
  return wrk.format(nil, nil, nil, messages == 1 and texts[1] or '[' .. table.concat(texts, ',') .. ']')
end

-- By how much all but a hundredth of the requests left late, at most.
local function late_p99_ms()
  local requests, latest_ms = 0, 0
  for _, thread in ipairs(threads) do
    for late_ms, count in pairs(thread:get('late_counts')) do
      late_counts[late_ms] = (late_counts[late_ms] or 0) + count
      requests, latest_ms = requests + count, math.max(latest_ms, late_ms)
    end
  end
  local later = 0
  for late_ms = latest_ms, 0, -1 do
    later = later + (late_counts[late_ms] or 0)
    if later > requests / 100 then return late_ms end
  end
  return 0
end

function done(summary, latency)
  local errors = summary.errors
  local bad = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  local form = '\n{"requests": %d, "seconds": %f, "bad": %d, "p50_ms": %f, "p99_ms": %f, "late_p99_ms": %d}\n'
  io.write(string.format(form, summary.requests, summary.duration / 1e6, bad, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, late_p99_ms()))
end
