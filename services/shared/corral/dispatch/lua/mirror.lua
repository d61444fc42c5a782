-- Show jobs to RQ's readers in the registry of their state, and nowhere else.
-- ARGV: lane, registry ('wip', 'finished', 'failed', 'scheduled', 'deferred', 'canceled', or '' for none),
--   RQ's status ('' for a job that is gone), ids; again and again.
-- A score of +inf is never cleaned up by a reader; an execution in `wip` is named like RQ's.
local REGISTRIES = {'finished', 'failed', 'scheduled', 'deferred', 'canceled'}
for at = 1, #ARGV, 4 do
  local lane, registry, status = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  for _, id in ipairs(split(ARGV[at + 3])) do
    for _, other in ipairs(REGISTRIES) do
      if other ~= registry then redis.call('ZREM', KEY.registry .. other .. ':' .. lane, id) end
    end
    local running = id .. ':corral'
    if registry ~= 'wip' then
      redis.call('ZREM', KEY.registry .. 'wip:' .. lane, running)
    end
    if registry ~= '' then
      redis.call('ZADD', KEY.registry .. registry .. ':' .. lane, '+inf', registry == 'wip' and running or id)
    end
    if status == '' then
      redis.call('DEL', KEY.job .. id)
    else
      describe(lane, {id}, status)
    end
  end
end
return redis.status_reply('OK')
