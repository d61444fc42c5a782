-- Do what handing jobs to workers needs, on keys of our own, and leave nothing: whoever may not do this may not do that.
-- Every command that enqueueing, popping and answering use, on a key below each prefix. ARGV: a name that no queue has.
local name = ARGV[1]
local list, members = KEY.list .. name, KEY.members .. name
local popped, counted = KEY.popped .. name, KEY.arrivals .. name
redis.call('SADD', members, 'a')
redis.call('SMISMEMBER', members, 'a')
redis.call('RPUSH', list, 'a')
redis.call('LPUSH', list, 'b')
redis.call('LINDEX', list, 0)
redis.call('LPOP', list, 1)
redis.call('SREM', members, 'a')
redis.call('ZADD', popped, now(), 'a')
redis.call('ZMSCORE', popped, 'a')
redis.call('ZPOPMAX', popped)
redis.call('ZREM', popped, 'a')
redis.call('HINCRBY', counted, name, 1)
redis.call('SET', KEY.paused .. name, 1, 'PX', 1)
redis.call('EXISTS', KEY.suspended)
redis.call('DEL', list, members, popped, counted, KEY.paused .. name)
return redis.status_reply('OK')
