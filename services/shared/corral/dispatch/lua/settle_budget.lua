-- Correct what a take cost. ARGV: name, id of the take, its cost so far, its cost, a new id, the time it counts from.
local name, id, before, after = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local state, takes, from = KEY.budget .. name, KEY.budget_takes .. name, ARGV[6]
local got = redis.call('HMGET', state, 'mode', 'sum', 'tokens', 'since', 'at')
if not got[1] then return 0 end
local more = after - before
local sum, tokens, since = tonumber(got[2]), tonumber(got[3]), tonumber(got[4])
if more > 0 then since = since + more end
if got[1] == 'bucket' then
  tokens = tokens - more
elseif more > 0 then
  redis.call('ZADD', takes, exactly(budget_time(tonumber(got[5]))), ARGV[5] .. '=' .. exactly(more))
  sum = sum + more
else
  local score = redis.call('ZSCORE', takes, id .. '=' .. exactly(before))
  if score then
    redis.call('ZREM', takes, id .. '=' .. exactly(before))
    redis.call('ZADD', takes, score, id .. '=' .. exactly(after))
  else
    local slice
    for _, member in ipairs(redis.call('ZRANGE', takes, from, from, 'BYSCORE')) do
      if is_of(member, slice_of(tonumber(from))) then slice = member end
    end
    if not slice then return 0 end
    redis.call('ZREM', takes, slice)
    redis.call('ZADD', takes, from, slice_of(tonumber(from)) .. '=' .. exactly(math.max(0, amount_of(slice) + more)))
  end
  sum = sum + more
end
redis.call('HSET', state, 'sum', exactly(sum), 'tokens', exactly(tokens), 'since', exactly(since))
return 1
