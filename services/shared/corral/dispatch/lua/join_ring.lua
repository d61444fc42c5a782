-- Jobs of these groups wait: give each a turn, unless it has one or waits for a limit or for a full batch, and wake
-- workers.
-- ARGV: lane, number of jobs, groups, whether these jobs wait for no full batch (1 or 0); again and again. Answers how many groups had no turn before.
local time, new = now(), 0
for at = 1, #ARGV, 4 do
  local lane, jobs = ARGV[at], tonumber(ARGV[at + 1])
  redis.call('HINCRBY', KEY.limited_arrivals, queue_of(lane), jobs)
  for _, group in ipairs(split(ARGV[at + 2])) do
    redis.call('HINCRBY', KEY.joins .. lane, group, jobs)
    if redis.call('ZSCORE', KEY.gathering, lane .. ' ' .. group) then
      local missing = redis.call('HINCRBY', KEY.missing .. lane, group, -jobs)
      if missing <= 0 or ARGV[at + 3] == '1' then end_gathering(lane, group, time) end
    elseif redis.call('HEXISTS', KEY.kept_out .. lane, group) == 0 then
      if redis.call('ZADD', KEY.ring .. lane, 'NX', first_turn(lane), group) == 1 then new = new + 1 end
      offer(queue_of(lane), jobs, time)
    end
  end
end
return new
