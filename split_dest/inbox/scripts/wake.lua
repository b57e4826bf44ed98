-- ARGV: prefix, per_slot, queued_ms, then a lane and its number of slots, again and again.
-- Gives the drains to enqueue: {lane, slot, lane, slot, …}.

local now, woken = now_ms(), {}
for i = 4, #ARGV, 2 do
  for _, slot in ipairs(wake(ARGV[1], ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[2]), ARGV[3], now)) do
    woken[#woken + 1] = ARGV[i]
    woken[#woken + 1] = slot
  end
end
return woken
