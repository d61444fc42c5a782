-- Remove what stands under our names and is of another kind: a key that somebody else wrote makes every script that
-- meets it fail, for all lanes. ARGV: lanes beside those that KEY.queues names.
-- Answers the keys that were removed. Whatever a lane lost with them, the sweep enqueues again.
local removed = {}

local function wrong(key, kind)
  local found = redis.call('TYPE', key).ok
  if found == 'none' or found == kind then return false end
  redis.call('UNLINK', key)
  removed[#removed + 1] = key
  return true
end

for _, key in ipairs({KEY.queues, KEY.workers}) do wrong(key, 'set') end
for _, key in ipairs({KEY.arrivals, KEY.limited_arrivals, KEY.pools, KEY.drains}) do wrong(key, 'hash') end
wrong(KEY.waiters, 'zset')
wrong(KEY.gathering, 'zset')
wrong(KEY.turns, 'hash')
wrong(KEY.full_names, 'set')
wrong(KEY.freeings, 'string')
wrong(KEY.decisions, 'stream')
for _, key in ipairs({KEY.epoch, KEY.backlog, KEY.duties, KEY.suspended, KEY.rq}) do wrong(key, 'string') end
wrong(KEY.due, 'list')

local lanes = {unpack(ARGV)}
for _, key in ipairs(redis.call('SMEMBERS', KEY.queues)) do
  if string.sub(key, 1, #KEY.list) == KEY.list then lanes[#lanes + 1] = string.sub(key, #KEY.list + 1) end
end
for _, lane in ipairs(lanes) do
  local queue = string.match(lane, '^[^.]+') or lane
  local list, members = KEY.list .. lane, KEY.members .. lane
  local parked, popped = KEY.parked .. lane, KEY.popped .. lane
  local bad = wrong(list, 'list')
  bad = wrong(members, 'set') or bad
  bad = wrong(parked, 'zset') or bad
  bad = wrong(popped, 'zset') or bad
  -- What is left of the others can't be trusted to say what is known.
  if bad then redis.call('UNLINK', list, members, parked, popped) end
  wrong(KEY.ring .. lane, 'zset')
  wrong(KEY.joins .. lane, 'hash')
  wrong(KEY.kept_out .. lane, 'hash')
  wrong(KEY.missing .. lane, 'hash')
  wrong(KEY.waiting .. queue, 'zset')
  wrong(KEY.demand .. queue, 'list')
end
return removed
