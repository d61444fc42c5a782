-- Replace the signal, and make lists as long as queues have jobs: a length is all that some autoscalers read.
-- ARGV: the signal, then queue and length for each queue.
redis.call('SET', KEY.backlog, ARGV[1])
local CHUNK = 1000
local fill = {}
for n = 1, CHUNK do fill[n] = '' end
for n = 2, #ARGV, 2 do
  local key, length = KEY.demand .. ARGV[n], tonumber(ARGV[n + 1])
  local missing = length - redis.call('LLEN', key)
  while missing > 0 do
    local more = math.min(missing, CHUNK)
    redis.call('RPUSH', key, unpack(fill, 1, more))
    missing = missing - more
  end
  if missing < 0 then
    if length > 0 then redis.call('LTRIM', key, 0, length - 1) else redis.call('DEL', key) end
  end
end
return redis.status_reply('OK')
