-- ARGV: prefix, the list of the jobs that wait, per_slot, queued_ms, batch (what the new jobs' ids begin with), then a lane and its
-- number of slots, again and again. Gives the drains to enqueue: {{lane, slot, job id}, …}.

local now, woken = now_ms(), {}
for i = 6, #ARGV, 2 do
  local lane, slots = ARGV[i], tonumber(ARGV[i + 1])
  for _, drain in ipairs(wake(ARGV[1], ARGV[2], lane, slots, tonumber(ARGV[3]), ARGV[4], ARGV[5], now)) do
    woken[#woken + 1] = drain
  end
end
return woken
