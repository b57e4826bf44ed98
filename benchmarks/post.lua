-- wrk posts messages, each with an id of its own, and says at the end what came of them, as JSON.
-- Arguments: a word for the ids of this run, messages a request, mean pause of a connection between requests in ms (0: none),
-- the file of the message, the secret.

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set('number', threads)
end

local before, after, run, most, pause_ms, sent = nil, nil, nil, 1, 0, 0

function init(args)
  run, most, pause_ms = args[1] .. '-' .. number .. '-', tonumber(args[2]), tonumber(args[3])
  local file = io.open(args[4])
  before, after = file:read('*a'):match('^(.-)MESSAGE_ID(.*)$')
  file:close()
  wrk.method = 'POST'
  wrk.headers['Authorization'] = args[5]
  wrk.headers['Content-Type'] = 'application/json'
  math.randomseed(number)
  if pause_ms > 0 then delay = spread end
end

function request()
  local parts = {}
  for i = 1, most do
    sent = sent + 1
    parts[i] = before .. run .. sent .. after
  end
  local body = most == 1 and parts[1] or '[' .. table.concat(parts, ',') .. ']'
  return wrk.format(nil, nil, nil, body)
end

-- Spread as arrivals that know nothing of each other.
function spread()
  return math.min(-math.log(1 - math.random()) * pause_ms, pause_ms * 10)
end

function done(summary, latency, requests)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format('\n{"requests": %d, "seconds": %f, "bad": %d, "p50_ms": %f, "p99_ms": %f}\n', summary.requests,
    summary.duration / 1e6, bad, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
