-- Forget entries that were popped long ago and never answered. ARGV: milliseconds, then lanes.
-- Answers the ids of each lane.
local stale, answer = now() - tonumber(ARGV[1]), {}
for i = 2, #ARGV do
  local key = KEY.popped .. ARGV[i]
  local ids = redis.call('ZRANGE', key, '-inf', '(' .. stale, 'BYSCORE', 'LIMIT', 0, CHUNK)
  if #ids > 0 then redis.call('ZREM', key, unpack(ids)) end
  answer[i - 1] = ids
end
return answer
