-- The lease of one folder: acquire, renew or release, by Redis' own clock.
-- A hash with `holder`, `fence`, `expires_at_ms` and `standby` (1: its holder does nothing final without it, so that another daemon
-- may take it over when it ends). It has no expiry of its own: the last fence must outlive the lease, so that
-- fences only rise (unless Redis is emptied or rolled back; then the higher fence of the two sides counts).
-- KEYS: 1 lease
-- ARGV: 1 'acquire' | 'renew' | 'release', 2 holder, 3 acquire: the lowest fence to go beyond; else the lease's fence, 4 ttl ms,
--       5 standby (1/0)
-- Answers: {1, fence} held, or {0, holder, ms until it ends}

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lease = redis.call('HMGET', KEYS[1], 'holder', 'fence', 'expires_at_ms')
local holder = lease[1] or ''
local fence = tonumber(lease[2] or '-1')
local left = math.max(0, tonumber(lease[3] or '0') - now)
local asked = tonumber(ARGV[3])

local function hold(newFence, expiresAt)
  local text = string.format('%.0f', newFence)
  redis.call('HSET', KEYS[1], 'holder', ARGV[2], 'fence', text, 'expires_at_ms', string.format('%.0f', expiresAt),
    'standby', ARGV[5])
  return {1, text}
end

if ARGV[1] == 'acquire' then
  if holder ~= '' and holder ~= ARGV[2] and left > 0 then
    return {0, holder, left}
  end
  return hold(math.max(fence, asked, 0) + 1, now + tonumber(ARGV[4]))
end

local isOurs = holder == ARGV[2] and fence == asked
if ARGV[1] == 'release' then
  if isOurs then
    redis.call('HSET', KEYS[1], 'holder', '', 'expires_at_ms', '0')
  end
  return {0, '', 0}
end

-- Ended but taken by no one: still ours. A lower fence: Redis was emptied or rolled back, and ours is the newer truth.
if isOurs or fence < asked then
  return hold(asked, now + tonumber(ARGV[4]))
end
return {0, holder, left}
