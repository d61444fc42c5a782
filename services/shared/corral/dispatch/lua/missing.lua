-- Which of these queued jobs does Redis not know? ARGV: lane, milliseconds after which a popped
-- entry no longer counts, ids. Answers {id at the head of the list or '', number, number, ...}.
local lane, stale = ARGV[1], now() - tonumber(ARGV[2])
local answer = {redis.call('LINDEX', KEY.list .. lane, 0) or ''}
local ids = split(ARGV[3])
local offset = 0
in_chunks(ids, function(chunk)
  local listed = redis.call('SMISMEMBER', KEY.members .. lane, unpack(chunk))
  local popped = redis.call('ZMSCORE', KEY.popped .. lane, unpack(chunk))
  for i = 1, #chunk do
    if listed[i] == 0 and (not popped[i] or tonumber(popped[i]) < stale) then
      answer[#answer + 1] = offset + i - 1
    end
  end
  offset = offset + #chunk
end)
return answer
