-- Take of what a caller may ask in a time, by the generic cell rate algorithm: one time says all that is known.
-- ARGV: name of the rate and the caller, how many in a window, window (ms), how many are taken, the most that may be taken at once.
-- What is taken at once may be more than there is room for, if there is room for one: the next ones then wait longer.
-- Answers: 1 taken or 0 refused, how many are left, ms until all are there again or, refused, until there is one.
local key, count, window = KEY.caller_rate .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local cost, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local each = window / count
local clock = redis.call('TIME')
local time = clock[1] * 1000 + clock[2] / 1000
local full = math.max(tonumber(redis.call('GET', key) or '0') or 0, time)
if full - time > window + most * each then full = time end  -- the server's clock went back
local left = math.floor((time + window - full) / each + 1e-6)
if left < 1 then return {0, 0, math.ceil(full + each - time - window)} end
full = full + cost * each
redis.call('SET', key, string.format('%.17g', full), 'PX', math.ceil(full - time) + 1)
return {1, math.max(left - cost, 0), math.ceil(full - time)}
