-- Limits or keys have room again: as many groups that wait for each have a turn.
-- ARGV: name, number; again and again. Answers how many groups got a turn.
local FREED_MS = 30000  -- longer than any claim takes from its pop to its answer
local time, count = now(), 0
local number = redis.call('INCR', KEY.freeings)
for at = 1, #ARGV, 2 do
  redis.call('SET', KEY.freed .. ARGV[at], number, 'PX', FREED_MS)
  count = count + let_in(ARGV[at], tonumber(ARGV[at + 1]), time)
end
return count
