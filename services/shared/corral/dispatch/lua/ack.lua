-- What became of popped jobs.
-- ARGV: verdict, lane, queue, value and ids, again and again. Verdicts:
--   done; front and back: into the list again; park: value is milliseconds;
--   move: value is the name of the other lane.
local time = now()
for at = 1, #ARGV, 5 do
  local verdict, lane, queue, value = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local ids = split(ARGV[at + 4])
  forget(lane, ids)
  if verdict == 'park' then
    in_chunks(ids, function(chunk)
      for _, id in ipairs(admit(lane, chunk)) do
        redis.call('ZADD', KEY.parked .. lane, time + tonumber(value), id)
      end
    end)
  elseif verdict == 'front' or verdict == 'back' then
    offer(queue, put(lane, ids, verdict == 'front'), time)
  elseif verdict == 'move' then
    offer(queue, put(value, ids, false), time)
  end
end
return redis.status_reply('OK')
