-- Say something of a pool, in a hash whose fields are forgotten with age.
-- ARGV: hash, pool, document. Answers the time (ms), which rises with every word about the pool.
local time = now()
local before = redis.call('HGET', ARGV[1], ARGV[2])
if before then time = math.max(time, tonumber(string.match(before, '^%d+')) + 1) end
redis.call('HSET', ARGV[1], ARGV[2], string.format('%.0f', time) .. ' ' .. ARGV[3])
return time
