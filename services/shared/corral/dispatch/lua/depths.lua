-- How full the lanes are. ARGV: lanes. Answers list, set, parked and popped of each.
local answer = {}
for i, lane in ipairs(ARGV) do
  answer[i] = {
    redis.call('LLEN', KEY.list .. lane), redis.call('SCARD', KEY.members .. lane),
    redis.call('ZCARD', KEY.parked .. lane), redis.call('ZCARD', KEY.popped .. lane)}
end
return answer
