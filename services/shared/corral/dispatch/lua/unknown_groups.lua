-- Which of these groups has neither a turn nor waits for a limit or a full batch here? ARGV: lane and groups, again and again.
-- Answers their numbers, counted over all from 0.
local answer, number = {}, 0
for at = 1, #ARGV, 2 do
  local lane = ARGV[at]
  for _, group in ipairs(split(ARGV[at + 1])) do
    if not redis.call('ZSCORE', KEY.ring .. lane, group)
        and redis.call('HEXISTS', KEY.kept_out .. lane, group) == 0
        and not redis.call('ZSCORE', KEY.gathering, lane .. ' ' .. group) then
      answer[#answer + 1] = number
    end
    number = number + 1
  end
end
return answer
