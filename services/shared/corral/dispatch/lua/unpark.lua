-- Move parked entries whose time has come to the head of their lists: a stock worker pops only lists.
-- ARGV: lane and queue, again and again. Answers how many.
local time, moved = now(), 0
for at = 1, #ARGV, 2 do
  local count = unpark(ARGV[at], time)
  moved = moved + count
  offer(ARGV[at + 1], count, time)
end
return moved
