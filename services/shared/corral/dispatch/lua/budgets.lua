-- What was taken of a rate of calls. A hash says what is known, a sorted set holds the takes of an exact one.
-- Times are milliseconds of Redis' clock, which never goes back here: a slower server's time stands still instead.

local function budget_time(latest)
  local time = redis.call('TIME')
  return math.max(time[1] * 1000 + time[2] / 1000, latest or 0)
end

local function exactly(number)
  return string.format('%.17g', number)
end

-- Of a take's member `id=amount` the amount.
local function amount_of(member)
  return tonumber(string.sub(member, string.find(member, '=', 1, true) + 1))
end

-- The member that holds the takes of a slice which ends then, and whether a member is that of an id.
local function slice_of(ends)
  return 'slice' .. exactly(ends)
end

local function is_of(member, id)
  return string.sub(member, 1, #id + 1) == id .. '='
end

-- Forget the takes that have left the window; what those of the window sum up to.
local function window_sum(takes, sum, from)
  local old = redis.call('ZRANGE', takes, '-inf', from, 'BYSCORE')
  for _, member in ipairs(old) do sum = sum - amount_of(member) end
  if #old > 0 then redis.call('ZREMRANGEBYSCORE', takes, '-inf', from) end
  if redis.call('EXISTS', takes) == 0 then return 0 end
  return sum
end
