-- A person ends a lane's pause. ARGV: prefix, lane. Gives its reason, its detail and how long it would have lasted, in ms; nil if the
-- lane is not paused. What is remembered of refusals stays: a single drain probes, and the next refusal goes on with the back-off.

local prefix, lane = ARGV[1], ARGV[2]
local rest, now = prefix .. lane .. ':rest', now_ms()
if not is_resting(prefix, lane, now) then return false end
local left_ms = redis.call('HGET', rest, 'until_ms') - now
redis.call('HSET', rest, 'until_ms', 0)
return { redis.call('HGET', rest, 'reason') or '', redis.call('HGET', rest, 'detail') or '', left_ms }
