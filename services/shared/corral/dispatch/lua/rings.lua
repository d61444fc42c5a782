-- Functions about rings, which scripts that are about limits have in front of them.
-- A ring is a sorted set of the groups of one lane that may have a turn, by virtual turn. A group that a limit has no
-- room for is out of the ring and in KEY.full of that limit: its member there is lane, a space, and the group.

-- Where a group comes in: where the last one was that had a turn, so that nobody saves up turns while nothing of it
-- waits, and nobody who waits for a limit outside the ring is passed by all who come later.
local function first_turn(lane)
  return tonumber(redis.call('HGET', KEY.turns, lane) or '0')
end

local function queue_of(lane)
  return string.match(lane, '^[^.]+') or lane
end

-- A group whose batch was to be filled has a turn: it is full, or its time has come.
local function end_gathering(lane, group, time)
  redis.call('ZREM', KEY.gathering, lane .. ' ' .. group)
  redis.call('HDEL', KEY.missing .. lane, group)
  redis.call('ZADD', KEY.ring .. lane, 'NX', first_turn(lane), group)
  offer(queue_of(lane), 1, time)
end

-- Groups whose time to wait for a full batch is over have a turn.
local function end_due_gatherings(time)
  local due = redis.call('ZRANGE', KEY.gathering, '-inf', time, 'BYSCORE', 'LIMIT', 0, CHUNK)
  for _, member in ipairs(due) do
    local lane, group = string.match(member, '^(.+) (%S+)$')
    end_gathering(lane, group, time)
  end
end

-- The next `count` groups that wait for this limit or key have a turn again. Answers how many they were.
local function let_in(name, count, time)
  local full = KEY.full .. name
  local members = redis.call('ZRANGE', full, 0, count - 1, 'WITHSCORES')
  if #members == 0 then
    redis.call('SREM', KEY.full_names, name)
    return 0
  end
  for i = 1, #members, 2 do
    local lane, group = string.match(members[i], '^(.+) (%S+)$')
    redis.call('ZREM', full, members[i])
    redis.call('HDEL', KEY.kept_out .. lane, group)
    redis.call('ZADD', KEY.ring .. lane, math.max(tonumber(members[i + 1]), first_turn(lane)), group)
    offer(queue_of(lane), 1, time)
  end
  return #members / 2
end

-- What became of the turn of a group: how much of it is taken back (what the pop added, without what it took), and a verdict:
-- stay; full: value is the limit or key without room, behind the number of freeings at the pop and a space; gather: its
-- batch is not full, value is for how long it may wait for that (ms), a space and how many jobs would fill it; empty.
-- `joins` is the group's number of joins at the pop.
local function settle_turn(lane, group, joins, back, verdict, value, time)
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

-- The same of several, from ARGV: lane, group, joins, back, verdict and value of each, in these places.
local function settle_turns(from, to, time)
  for at = from, to, 6 do
    settle_turn(ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5], time)
  end
end
