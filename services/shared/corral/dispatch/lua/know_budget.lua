-- What Postgres knows of a budget, or has been told.
-- ARGV: begin, name, mode, version, reserved, tokens, then age (ms) and amount of each take: where nothing is known here.
--       noted, name, version before, version now, counted, reserved, time: a note was taken by Postgres.
--       drop, name, version: Postgres has another note.
local what, name = ARGV[1], ARGV[2]
local state, takes = KEY.budget .. name, KEY.budget_takes .. name
local BORN_MS = 60000
if what == 'begin' then
  if redis.call('EXISTS', state) == 1 then return 0 end
  redis.call('DEL', takes)
  local time, sum = budget_time(), 0
  for at = 7, #ARGV, 2 do
    redis.call('ZADD', takes, exactly(time - tonumber(ARGV[at])), 'known' .. at .. '=' .. ARGV[at + 1])
    sum = sum + tonumber(ARGV[at + 1])
  end
  redis.call('HSET', state, 'mode', ARGV[3], 'version', ARGV[4], 'since', ARGV[5], 'reserved', ARGV[5], 'noted', '0',
    'sum', exactly(sum), 'tokens', ARGV[6], 'at', exactly(time), 'epoch', '')
  redis.call('PEXPIRE', state, BORN_MS)
  redis.call('PEXPIRE', takes, BORN_MS)
  return 1
end
if redis.call('HGET', state, 'version') ~= ARGV[3] then return 0 end
if what == 'drop' then return redis.call('DEL', state, takes) end
local since = math.max(0, tonumber(redis.call('HGET', state, 'since')) - tonumber(ARGV[5]))
redis.call('HSET', state, 'version', ARGV[4], 'since', exactly(since), 'reserved', ARGV[6], 'noted', ARGV[7])
redis.call('HDEL', state, 'noting')
return 1
