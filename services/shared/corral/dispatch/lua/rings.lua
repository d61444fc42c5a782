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
