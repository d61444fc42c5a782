-- Functions that several scripts use. KEY holds the key names of keys.py.
-- Ids travel as one string of 36 characters each: one argument for a thousand.

local CHUNK = 1000
local TOKEN_MS = 5000

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function split(blob)
  local ids = {}
  for at = 1, #blob, 36 do
    ids[#ids + 1] = string.sub(blob, at, at + 35)
  end
  return ids
end

-- The ids that are not in the lane yet, now put into its set. `ids` has at most CHUNK.
local function admit(lane, ids)
  local known = redis.call('SMISMEMBER', KEY.members .. lane, unpack(ids))
  local fresh = {}
  for i, id in ipairs(ids) do
    if known[i] == 0 then fresh[#fresh + 1] = id end
  end
  if #fresh > 0 then redis.call('SADD', KEY.members .. lane, unpack(fresh)) end
  return fresh
end

local function in_chunks(ids, act)
  for from = 1, #ids, CHUNK do
    act({unpack(ids, from, math.min(from + CHUNK - 1, #ids))})
  end
end

-- The ids without repetitions.
local function once(ids)
  local seen, kept = {}, {}
  for _, id in ipairs(ids) do
    if not seen[id] then kept[#kept + 1] = id end
    seen[id] = true
  end
  return kept
end

-- Popped ids that need no further answer.
local function forget(lane, ids)
  in_chunks(ids, function(chunk) redis.call('ZREM', KEY.popped .. lane, unpack(chunk)) end)
end

local function turned(ids)
  local back = {}
  for i = #ids, 1, -1 do back[#back + 1] = ids[i] end
  return back
end

-- The hashes by which stock RQ workers and readers know these jobs, where the installation wants them
-- (CORRAL_RQ_COMPAT=full): KEY.rq holds the call that each makes, the same for all.
local function describe(lane, ids, status)
  local call = redis.call('GET', KEY.rq)
  if not call then return end
  for _, id in ipairs(ids) do
    redis.call('HSET', KEY.job .. id, 'data', call, 'origin', lane, 'status', status, 'timeout', '-1',
      'result_ttl', '300')
    redis.call('PERSIST', KEY.job .. id)
  end
end

-- Parked entries whose time has come go to the head of the list; they were there before.
local function unpark(lane, time)
  local due = redis.call('ZRANGE', KEY.parked .. lane, '-inf', time, 'BYSCORE', 'LIMIT', 0, CHUNK)
  if #due == 0 then return 0 end
  redis.call('ZREM', KEY.parked .. lane, unpack(due))
  redis.call('LPUSH', KEY.list .. lane, unpack(turned(due)))
  redis.call('SADD', KEY.queues, KEY.list .. lane)
  return #due
end

-- Queue those ids that are not in the lane yet. Answers how many were new.
local function put(lane, ids, front)
  local added = 0
  if front then ids = turned(ids) end  -- LPUSH puts the last one first
  in_chunks(ids, function(chunk)
    local fresh = admit(lane, chunk)
    if #fresh > 0 then
      describe(lane, fresh, 'queued')
      redis.call(front and 'LPUSH' or 'RPUSH', KEY.list .. lane, unpack(fresh))
      added = added + #fresh
    end
  end)
  if added > 0 then redis.call('SADD', KEY.queues, KEY.list .. lane) end
  return added
end

-- Give a token to at most `count` workers that wait for the queue, the latest to register first.
-- A worker that was woken for another queue a moment ago is no longer in `waiters` and is passed over.
local function wake(queue, count, time)
  local waiting = KEY.waiting .. queue
  while count > 0 do
    local latest = redis.call('ZPOPMAX', waiting)
    if #latest == 0 then return end
    if tonumber(latest[2]) < time then
      redis.call('DEL', waiting)
      return
    end
    local worker = latest[1]
    if redis.call('ZREM', KEY.waiters, worker) == 1 then
      redis.call('RPUSH', KEY.wake .. worker, queue)
      redis.call('PEXPIRE', KEY.wake .. worker, TOKEN_MS)
      count = count - 1
    end
  end
end

-- Wake workers for new entries, unless nothing of the queue may be popped now.
local function offer(queue, count, time)
  if count > 0 and redis.call('EXISTS', KEY.waiting .. queue) == 1
      and redis.call('EXISTS', KEY.paused .. queue, KEY.suspended) == 0 then
    wake(queue, count, time)
  end
end
