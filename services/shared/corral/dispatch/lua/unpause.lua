-- Look at these queues again: ARGV are their names. Wakes as many workers as there is work.
local time = now()
for _, queue in ipairs(ARGV) do
  redis.call('DEL', KEY.paused .. queue)
  local depth = 0
  for _, suffix in ipairs(SUFFIXES) do
    depth = depth + redis.call('LLEN', KEY.list .. queue .. suffix) + redis.call('ZCARD', KEY.ring .. queue .. suffix)
  end
  offer(queue, depth, time)
end
return redis.status_reply('OK')
