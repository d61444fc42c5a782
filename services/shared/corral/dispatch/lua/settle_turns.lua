-- What became of the turns of groups.
-- ARGV: lane, group, its number of joins at the pop, what is taken back of its turn (what the pop added, without what it
--   took), verdict, value; again and again.
-- Verdicts: stay; full: value is the limit or key without room, behind the number of
--   freeings at the pop and a space; gather: its batch is not full, value is for how long it may wait for that (ms), a
--   space and how many jobs would fill it; empty.
local time = now()
for at = 1, #ARGV, 6 do
  local lane, group, joins, back, verdict, value =
    ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5]
  local ring = KEY.ring .. lane
  local turn = redis.call('ZSCORE', ring, group)
  if turn then
    if verdict == 'stay' then
      redis.call('ZADD', ring, 'XX', tonumber(turn) - back, group)
    elseif verdict == 'empty' then
      -- One that joined since the pop may not have been seen.
      if redis.call('HGET', KEY.joins .. lane, group) == joins then
        redis.call('ZREM', ring, group)
        redis.call('HDEL', KEY.joins .. lane, group)
      else
        redis.call('ZADD', ring, 'XX', tonumber(turn) - back, group)
      end
    elseif verdict == 'gather' then
      -- Those that joined since the pop may not have been counted.
      local wait, missing = string.match(value, '^(%d+) (%d+)$')
      local joined = tonumber(redis.call('HGET', KEY.joins .. lane, group) or '0') - tonumber(joins)
      if joined >= tonumber(missing) then
        redis.call('ZADD', ring, 'XX', tonumber(turn) - back, group)
        offer(queue_of(lane), 1, time)
      else
        redis.call('ZREM', ring, group)
        redis.call('ZADD', KEY.gathering, time + tonumber(wait), lane .. ' ' .. group)
        redis.call('HSET', KEY.missing .. lane, group, tonumber(missing) - joined)
      end
    else
      local freeings, name = string.match(value, '^(%d+) (.*)$')
      -- Something of it was given back since the pop: whoever did found nobody waiting for it.
      local freed = tonumber(redis.call('GET', KEY.freed .. name) or '0')
      if freed > tonumber(freeings) then
        redis.call('ZADD', ring, 'XX', tonumber(turn) - back, group)
        offer(queue_of(lane), 1, time)
      else
        redis.call('ZREM', ring, group)
        redis.call('ZADD', KEY.full .. name, tonumber(turn) - back, lane .. ' ' .. group)
        redis.call('SADD', KEY.full_names, name)
        redis.call('HSET', KEY.kept_out .. lane, group, name)
      end
    end
  end
end
return redis.status_reply('OK')
