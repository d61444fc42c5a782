-- A call was answered, so it arrived by now: its take leaves the window `per` from now, if that is sooner.
-- ARGV: name, id of the take, its cost, deadline (ms).
local state, takes = KEY.budget .. ARGV[1], KEY.budget_takes .. ARGV[1]
local latest = tonumber(redis.call('HGET', state, 'at') or '')
if not latest then return 0 end
return redis.call('ZADD', takes, 'XX', 'LT', 'CH', exactly(budget_time(latest) - tonumber(ARGV[4])),
  ARGV[2] .. '=' .. exactly(tonumber(ARGV[3])))
