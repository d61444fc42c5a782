-- Take up to `room` jobs out of the lanes, in the lanes' order, and note them as popped.
-- ARGV: worker, room, wait (1 or 0), idle (1 or 0),
--   number of budgets, their rooms, number of queues, then name and budgets of each ("1 3"),
--   then name of lane and number of its queue, again and again.
-- Answers {suspended, waiting, {queues with suspects to take}, lane number, {ids}, ...}.
local WISH_MS = 3000        -- a worker looks again every second, so it is renewed long before
local RESERVED_MS = 30000   -- how long one worker may take to become empty before another is asked

local worker, room, wait, idle = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4] == '1'
redis.call('DEL', KEY.wake .. worker)  -- a token is spent by looking
if redis.call('EXISTS', KEY.suspended) == 1 then
  redis.call('ZREM', KEY.waiters, worker)
  return {1, 0, {}}
end

local time, at = now(), 5
local budgets = {}
for i = 1, tonumber(ARGV[at]) do budgets[i] = tonumber(ARGV[at + i]) end
at = at + #budgets + 1
local queues = {}
for i = 1, tonumber(ARGV[at]) do
  local queue = {name = ARGV[at + 2 * i - 1], budgets = {}}
  for number in string.gmatch(ARGV[at + 2 * i], '%d+') do
    queue.budgets[#queue.budgets + 1] = tonumber(number)
  end
  queue.paused = redis.call('EXISTS', KEY.paused .. queue.name) == 1
  queues[i] = queue
end
at = at + 2 * #queues + 1

local function room_for(queue)
  if queue.paused then return 0 end
  local least = room
  for _, budget in ipairs(queue.budgets) do least = math.min(least, budgets[budget]) end
  return least
end

-- Parked entries whose time has come go to the head of the list; they were there before.
local function unpark(lane)
  local due = redis.call('ZRANGE', KEY.parked .. lane, '-inf', time, 'BYSCORE', 'LIMIT', 0, CHUNK)
  if #due == 0 then return end
  redis.call('ZREM', KEY.parked .. lane, unpack(due))
  local turned = {}
  for i = #due, 1, -1 do turned[#turned + 1] = due[i] end
  redis.call('LPUSH', KEY.list .. lane, unpack(turned))
  redis.call('SADD', KEY.queues, KEY.list .. lane)
end

local function take(lane, limit)
  local ids = redis.call('LPOP', KEY.list .. lane, math.min(limit, CHUNK))
  if not ids then return {} end
  if redis.call('SREM', KEY['in'] .. lane, unpack(ids)) ~= #ids then
    local seen, once = {}, {}   -- someone else wrote to the list: an id may stand there twice
    for _, id in ipairs(ids) do
      if not seen[id] then once[#once + 1] = id end
      seen[id] = true
    end
    ids = once
  end
  local scored = {}
  for _, id in ipairs(ids) do
    scored[#scored + 1] = time
    scored[#scored + 1] = id
  end
  redis.call('ZADD', KEY.popped .. lane, unpack(scored))
  return ids
end

local answer, asked = {0, 0, {}}, {}
for i = at, #ARGV, 2 do
  local lane, queue = ARGV[i], queues[tonumber(ARGV[i + 1])]
  asked[lane] = true
  local limit = room_for(queue)
  if limit > 0 then
    unpark(lane)
    local ids = take(lane, limit)
    if #ids > 0 then
      room = room - #ids
      for _, budget in ipairs(queue.budgets) do budgets[budget] = budgets[budget] - #ids end
      answer[#answer + 1] = (i - at) / 2
      answer[#answer + 1] = ids
      -- What this worker leaves behind may be for another one that sleeps.
      if #ids >= math.min(limit, CHUNK) and redis.call('EXISTS', KEY.list .. lane) == 1 then
        queue.left = true
      end
    end
  end
end

redis.call('ZREM', KEY.waiters, worker)
for _, queue in ipairs(queues) do
  if queue.left then offer(queue.name, 1, time) end
end

for _, queue in ipairs(queues) do
  local lane = queue.name .. '.suspect'
  if not queue.paused and not asked[lane]
      and (redis.call('EXISTS', KEY.list .. lane) == 1
        or #redis.call('ZRANGE', KEY.parked .. lane, '-inf', time, 'BYSCORE', 'LIMIT', 0, 1) == 1) then
    local reserved = KEY.suspect .. queue.name
    if idle and #answer == 3 then
      redis.call('SET', reserved, worker, 'PX', RESERVED_MS)
    else
      redis.call('SET', reserved, worker, 'NX', 'PX', RESERVED_MS)
    end
    if redis.call('GET', reserved) == worker then
      answer[3][#answer[3] + 1] = queue.name
    end
  end
end

if wait and #answer[3] == 0 then
  for _, queue in ipairs(queues) do
    if room_for(queue) > 0 then
      redis.call('ZADD', KEY.waiting .. queue.name, time + WISH_MS, worker)
      answer[2] = 1
    end
  end
  if answer[2] == 1 then redis.call('ZADD', KEY.waiters, time + WISH_MS, worker) end
end
return answer
