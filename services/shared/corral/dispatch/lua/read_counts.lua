-- What stands in the lanes and how much ever arrived. Answers each lane's list, set, parked and popped, behind its
-- name; and two hashes of arrivals by queue: of entries, and of jobs that take of limits.
local lanes = {}
for _, key in ipairs(redis.call('SMEMBERS', KEY.queues)) do
  if string.sub(key, 1, #KEY.list) == KEY.list then
    local lane = string.sub(key, #KEY.list + 1)
    lanes[#lanes + 1] = {
      lane, redis.call('LLEN', key), redis.call('SCARD', KEY.members .. lane),
      redis.call('ZCARD', KEY.parked .. lane), redis.call('ZCARD', KEY.popped .. lane)}
  end
end
return {lanes, redis.call('HGETALL', KEY.arrivals), redis.call('HGETALL', KEY.limited_arrivals)}
