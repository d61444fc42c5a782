-- Entries of the stream behind a cursor, the oldest first; from the beginning where the cursor is not of this
-- stream: it was wiped, and the server's clock may have been set back.
-- ARGV: cursor, limit. Answers the next cursor and the documents.
local function before(one, other)
  local ms, seq = string.match(one, '^(%d+)-(%d+)$')
  local other_ms, other_seq = string.match(other, '^(%d+)-(%d+)$')
  if ms ~= other_ms then return tonumber(ms) < tonumber(other_ms) end
  return tonumber(seq) < tonumber(other_seq)
end

local cursor, documents = ARGV[1], {}
local last = redis.call('XREVRANGE', KEY.decisions, '+', '-', 'COUNT', 1)
if #last == 0 then return {'0-0', documents} end
if before(last[1][1], cursor) then cursor = '0-0' end
for _, entry in ipairs(redis.call('XRANGE', KEY.decisions, '(' .. cursor, '+', 'COUNT', tonumber(ARGV[2]))) do
  cursor = entry[1]
  documents[#documents + 1] = entry[2][2]
end
return {cursor, documents}
