-- Write the hash of those listed jobs that have none. ARGV: lane, first, last position in the list.
-- Answers how many entries there were.
local lane = ARGV[1]
local ids = redis.call('LRANGE', KEY.list .. lane, ARGV[2], ARGV[3])
for _, id in ipairs(ids) do
  if redis.call('EXISTS', KEY.job .. id) == 0 then describe(lane, {id}, 'queued') end
end
return #ids
