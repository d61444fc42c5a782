-- Take up to `room` jobs out of the lanes, in the lanes' order, and note them as popped.
-- ARGV: number of turns that the worker took before and of what became of which it tells here, what became of each (as in
--   settle_turns.lua), number of lanes with ids that it took before and that leave Redis, each lane and its ids, worker, room, wait (1 or 0), idle (1 or 0),
--   number of budgets, their rooms, number of queues, then name and budgets of each ("1 3"),
--   then name of lane and number of its queue, again and again.
-- Answers {suspended, waiting, {queues with suspects to take}, turns, more, lane number, {ids}, ...}. More is 1 where a
-- lane out of which it took has more. Turns are those of groups of limited jobs: {number of freeings, lane number, jobs to take, group, its number of joins, ...}.
local WISH_MS = 3000        -- a worker looks again every second, so it is renewed long before
local GROUPS = 8            -- groups of limited jobs that one pop gives a turn
local ADDED = 1             -- to a group's turn, until it is settled what it took; as in rings.py
local RESERVED_MS = 30000   -- how long one worker may take to become empty before another is asked

local dones = 2 + 6 * tonumber(ARGV[1])
local first = dones + 1 + 2 * tonumber(ARGV[dones])
local worker, room, wait, idle = ARGV[first], tonumber(ARGV[first + 1]), ARGV[first + 2] == '1', ARGV[first + 3] == '1'
local time = now()

-- The budgets, and the queues with the numbers of their budgets; where in ARGV the lanes begin.
local function read_request()
  local at, budgets, queues = first + 4, {}, {}
  for i = 1, tonumber(ARGV[at]) do budgets[i] = tonumber(ARGV[at + i]) end
  at = at + #budgets + 1
  for i = 1, tonumber(ARGV[at]) do
    local queue = {name = ARGV[at + 2 * i - 1], budgets = {}}
    for number in string.gmatch(ARGV[at + 2 * i], '%d+') do
      queue.budgets[#queue.budgets + 1] = tonumber(number)
    end
    queues[i] = queue
  end
  return budgets, queues, at + 2 * #queues + 1
end

-- Whether any key exists that one of these prefixes and one of these names make, or `more`: one call that nearly always
-- saves one per lane.
local function any(prefixes, names, more)
  local keys, found = {more}, false
  for _, prefix in ipairs(prefixes) do
    for _, name in ipairs(names) do keys[#keys + 1] = prefix .. name end
  end
  in_chunks(keys, function(chunk) found = found or redis.call('EXISTS', unpack(chunk)) > 0 end)
  return found
end

-- Take ids out of a lane, and note them as popped.
local function take(lane, limit)
  local ids = redis.call('LPOP', KEY.list .. lane, math.min(limit, CHUNK))
  if not ids then return {} end
  if redis.call('SREM', KEY.members .. lane, unpack(ids)) ~= #ids then
    ids = once(ids)  -- someone else wrote to the list: an id may stand there twice
  end
  local scored = {}
  for _, id in ipairs(ids) do
    scored[#scored + 1] = time
    scored[#scored + 1] = id
  end
  redis.call('ZADD', KEY.popped .. lane, unpack(scored))
  return ids
end

-- Suspects run alone: one worker per queue is asked to become empty for them. Names of the queues for which this one is.
local function suspects_for(queues, asked, took)
  local lanes, chosen = {}, {}
  for i, queue in ipairs(queues) do lanes[i] = queue.name .. SUFFIXES[#SUFFIXES] end
  if not any({KEY.list, KEY.parked, KEY.ring}, lanes) then return chosen end
  for i, queue in ipairs(queues) do
    local lane = lanes[i]
    if not queue.paused and not asked[lane]
        and (redis.call('EXISTS', KEY.list .. lane, KEY.ring .. lane) > 0
          or #redis.call('ZRANGE', KEY.parked .. lane, '-inf', time, 'BYSCORE', 'LIMIT', 0, 1) == 1) then
      local reserved = KEY.suspect .. queue.name
      if idle and not took then
        redis.call('SET', reserved, worker, 'PX', RESERVED_MS)
      else
        redis.call('SET', reserved, worker, 'NX', 'PX', RESERVED_MS)
      end
      if redis.call('GET', reserved) == worker then
        chosen[#chosen + 1] = queue.name
      end
    end
  end
  return chosen
end

-- Register the worker as one that waits for jobs of the queues that it has slots for; 1 where there is one, or 0.
local function register(queues, slots_for)
  local waits = 0
  for _, queue in ipairs(queues) do
    if slots_for(queue) > 0 then  -- of a paused queue too: the end of the pause wakes
      redis.call('ZREMRANGEBYSCORE', KEY.waiting .. queue.name, '-inf', time)  -- of workers that are no more
      redis.call('ZADD', KEY.waiting .. queue.name, time + WISH_MS, worker)
      waits = 1
    end
  end
  if waits == 1 then
    redis.call('ZREMRANGEBYSCORE', KEY.waiters, '-inf', time)
    redis.call('ZADD', KEY.waiters, time + WISH_MS, worker)
  end
  return waits
end

if dones > 2 then settle_turns(2, dones - 1, time) end
for at = dones + 1, first - 1, 2 do forget(ARGV[at], split(ARGV[at + 1])) end
redis.call('DEL', KEY.wake .. worker)  -- a token is spent by looking
if redis.call('EXISTS', KEY.suspended) == 1 then
  redis.call('ZREM', KEY.waiters, worker)
  return {1, 0, {}, {}, 0}
end

local budgets, queues, at = read_request()
local names, lanes, asked = {}, {}, {}
for i, queue in ipairs(queues) do names[i] = queue.name end
for i = at, #ARGV, 2 do
  lanes[#lanes + 1] = {name = ARGV[i], queue = queues[tonumber(ARGV[i + 1])]}
  asked[#asked + 1] = ARGV[i]
  asked[ARGV[i]] = true
end
if any({KEY.paused}, names) then
  for _, queue in ipairs(queues) do
    queue.paused = redis.call('EXISTS', KEY.paused .. queue.name) == 1
  end
end

local function slots_for(queue)
  local least = room
  for _, budget in ipairs(queue.budgets) do least = math.min(least, budgets[budget]) end
  return least
end

local function room_for(queue)
  return queue.paused and 0 or slots_for(queue)
end

-- Nearly always there is nothing but lists to look at.
local beside_lists = room > 0 and any({KEY.parked, KEY.ring}, asked, KEY.gathering)
if beside_lists then
  if any({KEY.parked}, asked) then
    for _, lane in ipairs(lanes) do
      if room_for(lane.queue) > 0 then unpark(lane.name, time) end
    end
  end
  end_due_gatherings(time)
end

local answer = {0, 0, {}, {}, 0}

local function use(queue, count)
  room = room - count
  for _, budget in ipairs(queue.budgets) do budgets[budget] = budgets[budget] - count end
end

local function take_ids(number, lane)
  local queue = lane.queue
  local limit = room_for(queue)
  local ids = limit > 0 and take(lane.name, limit) or {}
  if #ids > 0 then
    use(queue, #ids)
    answer[#answer + 1] = number - 1
    answer[#answer + 1] = ids
    -- What this worker leaves behind may be for another one that sleeps.
    queue.left = queue.left or redis.call('EXISTS', KEY.list .. lane.name) == 1
  end
end

-- Give the next groups of a ring their turn: each may take its share of the room. What they leave is used by the next
-- pop, which follows at once.
local function take_turns(number, lane)
  local queue, turns = lane.queue, answer[4]
  local limit = room_for(queue)
  if limit <= 0 then return end
  local found = redis.call('ZRANGE', KEY.ring .. lane.name, 0, math.min(limit, GROUPS) - 1, 'WITHSCORES')
  if #found == 0 then return end
  local groups = {}
  for i = 1, #found, 2 do groups[#groups + 1] = found[i] end
  if tonumber(found[2]) > first_turn(lane.name) then redis.call('HSET', KEY.turns, lane.name, found[2]) end
  local share = math.floor(limit / #groups)
  use(queue, share * #groups)
  if #turns == 0 then turns[1] = tonumber(redis.call('GET', KEY.freeings) or '0') end
  for _, group in ipairs(groups) do
    redis.call('ZINCRBY', KEY.ring .. lane.name, ADDED, group)  -- other workers begin with others
    turns[#turns + 1] = number - 1
    turns[#turns + 1] = share
    turns[#turns + 1] = group
    turns[#turns + 1] = redis.call('HGET', KEY.joins .. lane.name, group) or '0'
  end
end

if room > 0 then
  local lists, rings = any({KEY.list}, asked), beside_lists and any({KEY.ring}, asked)
  local rings_first = time % 2 == 0  -- neither starves the other
  for number, lane in ipairs(lanes) do
    if rings and rings_first then take_turns(number, lane) end
    if lists then take_ids(number, lane) end
    if rings and not rings_first then take_turns(number, lane) end
  end
end

redis.call('ZREM', KEY.waiters, worker)
for _, queue in ipairs(queues) do
  if queue.left then
    answer[5] = 1
    offer(queue.name, 1, time)
  end
end
answer[3] = suspects_for(queues, asked, #answer > 5 or #answer[4] > 0)
if wait and #answer[3] == 0 then answer[2] = register(queues, slots_for) end
return answer
