-- What was last said of each pool; what is older than `age` is forgotten.
-- ARGV: hash, age (ms). Answers pool, time (ms), document, again and again.
local oldest, answer = now() - tonumber(ARGV[2]), {}
local told = redis.call('HGETALL', ARGV[1])
for at = 1, #told, 2 do
  local time, document = string.match(told[at + 1], '^(%d+) (.*)$')
  if time and tonumber(time) >= oldest then
    answer[#answer + 1] = told[at]
    answer[#answer + 1] = tonumber(time)
    answer[#answer + 1] = document
  else
    redis.call('HDEL', ARGV[1], told[at])
  end
end
return answer
