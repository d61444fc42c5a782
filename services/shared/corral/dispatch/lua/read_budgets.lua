-- What is left of budgets. ARGV: name, rate, window (ms), burst (0: each take is kept); again and again.
local answer = {}
for at = 1, #ARGV, 4 do
  local rate, window, burst = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local got = redis.call('HMGET', KEY.budget .. ARGV[at], 'mode', 'tokens', 'at')
  local left = false
  if got[1] == 'exact' and burst == 0 then
    left = rate
    local time = budget_time(tonumber(got[3]))
    for _, member in ipairs(redis.call('ZRANGE', KEY.budget_takes .. ARGV[at], '(' .. exactly(time - window), '+inf', 'BYSCORE')) do
      left = left - amount_of(member)
    end
  elseif got[1] == 'bucket' and burst > 0 then
    local passed = budget_time(tonumber(got[3])) - tonumber(got[3])
    left = math.min(burst, tonumber(got[2]) + passed * (rate - burst) / window)
  end
  answer[#answer + 1] = left and exactly(left)
end
return answer
