-- A stock worker has popped this job without our script: note it as if it had been popped here.
-- ARGV: lane, id.
local lane, id = ARGV[1], ARGV[2]
redis.call('SREM', KEY.members .. lane, id)
redis.call('ZADD', KEY.popped .. lane, now(), id)
return redis.status_reply('OK')
