-- Take of a budget, or say how long to wait, or what Postgres has to be asked or told before.
-- ARGV: name, id of the take, cost, rate, window (ms), burst (0: each take is kept), milliseconds a note is good for,
-- milliseconds of a slice (0: none), whose takes are kept as one that ends with it.
-- Answers: taken, the time it counts from · wait, ms · unknown · busy (somebody else notes it) · note, version, since, time, then ages (ms) and amounts, or tokens.
local NOTING_MS = 2000
local MOST_TAKES = 2000
local KEPT_MS = 90000  -- beyond the window; Postgres forgets later
local name, id, cost, rate, window, burst = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local good, slice = tonumber(ARGV[7]), tonumber(ARGV[8])
local state, takes = KEY.budget .. name, KEY.budget_takes .. name
local mode = burst == 0 and 'exact' or 'bucket'
local got = redis.call('HMGET', state, 'mode', 'version', 'since', 'reserved', 'noted', 'sum', 'tokens', 'at', 'noting', 'epoch')
-- A full pass gives a new generation: what stands here may be that of an older Redis.
local epoch = string.match(redis.call('GET', KEY.epoch) or '', '^[^/]*')
if got[1] and (got[1] ~= mode or (got[10] ~= '' and epoch ~= '' and got[10] ~= epoch)) then
  redis.call('DEL', state, takes)
  got[1] = false
end
if not got[1] then return {'unknown'} end
local latest = tonumber(got[8])
local time = budget_time(latest)
local since, reserved, sum, tokens = tonumber(got[3]), tonumber(got[4]), tonumber(got[6]), tonumber(got[7])

local wait = 0
if mode == 'exact' then
  sum = window_sum(takes, sum, time - window)
  local need = sum + cost - rate
  if need > 1e-9 then
    wait = window
    local freed, from = 0, 0
    while wait == window and freed < need do
      local oldest = redis.call('ZRANGE', takes, from, from + 99, 'WITHSCORES')
      if #oldest == 0 then break end
      for at = 1, #oldest, 2 do
        freed = freed + amount_of(oldest[at])
        if freed >= need - 1e-9 then
          wait = tonumber(oldest[at + 1]) + window - time
          break
        end
      end
      from = from + 100
    end
    wait = math.max(wait, 1)
  end
else
  local refill = (rate - burst) / window
  tokens = math.min(burst, tokens + (time - latest) * refill)
  if tokens < cost - 1e-9 then wait = math.max((cost - tokens) / refill, 1) end
end
redis.call('HSET', state, 'sum', exactly(sum), 'tokens', exactly(tokens), 'at', exactly(time))
if epoch ~= '' then redis.call('HSET', state, 'epoch', epoch) end

if since + cost > reserved + 1e-9 or time - tonumber(got[5]) > good then
  if got[9] and tonumber(got[9]) > time - NOTING_MS then return {'busy'} end
  redis.call('HSET', state, 'noting', exactly(time))
  local answer = {'note', got[2], exactly(since), exactly(time)}
  if mode == 'exact' then
    local all = redis.call('ZRANGE', takes, 0, -1, 'WITHSCORES')
    for at = 1, #all, 2 do
      answer[#answer + 1] = exactly(time - tonumber(all[at + 1]))
      answer[#answer + 1] = exactly(amount_of(all[at]))
    end
  else
    answer[#answer + 1] = exactly(tokens)
  end
  return answer
end
if wait > 0 then return {'wait', tostring(math.ceil(wait))} end
if cost == 0 then return {'taken', exactly(time)} end

local from = time
if mode == 'exact' then
  local kept = cost
  if slice > 0 then
    from = math.ceil(time / slice) * slice
    id = slice_of(from)
    for _, member in ipairs(redis.call('ZRANGE', takes, exactly(from), exactly(from), 'BYSCORE')) do
      if is_of(member, id) then
        kept = kept + amount_of(member)
        redis.call('ZREM', takes, member)
      end
    end
  end
  redis.call('ZADD', takes, exactly(from), id .. '=' .. exactly(kept))
  sum = sum + cost
  if redis.call('ZCARD', takes) > MOST_TAKES then  -- two of the oldest are kept as one, from the later of both
    local two = redis.call('ZRANGE', takes, 0, 1, 'WITHSCORES')
    redis.call('ZREM', takes, two[1], two[3])
    local later = string.sub(two[3], 1, string.find(two[3], '=', 1, true))
    redis.call('ZADD', takes, two[4], later .. exactly(amount_of(two[1]) + amount_of(two[3])))
  end
  redis.call('PEXPIRE', takes, math.ceil(window) + KEPT_MS)
else
  tokens = tokens - cost
end
redis.call('HSET', state, 'sum', exactly(sum), 'tokens', exactly(tokens), 'since', exactly(since + cost))
redis.call('PEXPIRE', state, math.ceil(window) + KEPT_MS)
return {'taken', exactly(from)}
