-- Make a lane's set again from its list and its parked entries, after somebody else changed the list.
-- ARGV: lane. An id that is listed twice, or listed and parked, stays where it comes first.
-- Answers how many entries were dropped for that.
local lane, dropped = ARGV[1], 0
local list, fresh = KEY.list .. lane, KEY.list .. lane .. ':rebuilt'
redis.call('DEL', KEY.members .. lane, fresh)

while true do
  local ids = redis.call('LPOP', list, CHUNK)
  if not ids then break end
  local new = admit(lane, once(ids))
  if #new > 0 then redis.call('RPUSH', fresh, unpack(new)) end
  dropped = dropped + #ids - #new
end
if redis.call('EXISTS', fresh) == 1 then redis.call('RENAME', fresh, list) end

in_chunks(redis.call('ZRANGE', KEY.parked .. lane, 0, -1), function(ids)
  local new, parked = {}, {}
  for _, id in ipairs(admit(lane, ids)) do new[id] = true end
  for _, id in ipairs(ids) do
    if not new[id] then parked[#parked + 1] = id end
  end
  if #parked > 0 then redis.call('ZREM', KEY.parked .. lane, unpack(parked)) end
  dropped = dropped + #parked
end)
return dropped
