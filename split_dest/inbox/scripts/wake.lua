-- ARGV: prefix, per_slot, queued_ms, batch (what the new jobs' ids begin with), then a lane and its number of slots,
-- again and again. Gives the drains to enqueue: {{lane, slot, job id}, …}.

local now, woken = now_ms(), {}
for i = 5, #ARGV, 2 do
  local lane, slots = ARGV[i], tonumber(ARGV[i + 1])
  for _, drain in ipairs(wake(ARGV[1], lane, slots, tonumber(ARGV[2]), ARGV[3], ARGV[4], now)) do
    woken[#woken + 1] = drain
  end
end
return woken
