-- Queue jobs in their lanes; those that are there already stay where they are.
-- ARGV: front (1 or 0), then lane, queue and ids, again and again. Answers how many were new.
local front, added, time = ARGV[1] == '1', 0, now()
for at = 2, #ARGV, 3 do
  local count = put(ARGV[at], split(ARGV[at + 2]), front)
  added = added + count
  if count > 0 then redis.call('HINCRBY', KEY.arrivals, ARGV[at + 1], count) end
  offer(ARGV[at + 1], count, time)
end
return added
