-- Replace the epoch if it is still the one given. ARGV: the old one, the new one.
if redis.call('GET', KEY.epoch) ~= ARGV[1] then return 0 end
redis.call('SET', KEY.epoch, ARGV[2])
return 1
