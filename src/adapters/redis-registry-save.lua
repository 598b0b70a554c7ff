-- One save of one stream: lease, revision, then everything that Redis shows of it, in one step.
-- Costs the same for part 10 and part 9,999: only the rows that are new travel, and nothing here walks the ledger.
-- KEYS: 1 lease, 2 meta, 3 parts, 4 snapshot, 5 due, 6 events, 7 the set it belongs to, 8.. the other sets
-- ARGV: 1 holder, 2 lease's fence, 3 stream id, 4 rev, 5 record's fence, 6 upload id ('' none), 7 replace rows (1/0),
--       8 final (1/0), 9 due at ms ('' never), 10 events kept, 11 snapshot, 12 the revision that the rows continue (-1 none),
--       13 number of meta texts, then those (field, value, ...), number of event texts (0: no event), then those, then the rows
--       (part number, JSON, ...)
-- Answers: {'saved'}, {'stale', rev, fence}, {'gap'} or {'fenced', holder}

local lease = redis.call('HMGET', KEYS[1], 'holder', 'fence')
local ours = tonumber(ARGV[2])
local known = tonumber(lease[2] or '-1')
if known > ours or (known == ours and lease[1] ~= ARGV[1]) then
  return {'fenced', lease[1] or ''}
end
if known < ours then
  -- Fences only rise, so a lower one means that Redis was emptied or rolled back. The lease is written again as one that has
  -- ended: a renewal makes it live, and whoever asks first gets a higher fence.
  redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'fence', ARGV[2], 'expires_at_ms', '0')
end

local stored = redis.call('HMGET', KEYS[2], 'rev', 'fence', 's3_upload_id')
local rev = tonumber(ARGV[4])
local storedRev = tonumber(stored[1] or '-1')
if storedRev == rev and stored[2] == ARGV[5] then
  -- This very save was executed before and its answer got lost.
  return {'saved'}
end
if storedRev >= rev then
  return {'stale', stored[1], stored[2] or '0'}
end

local addsRows = ARGV[6] ~= '' and ARGV[7] == '0' and ARGV[8] == '0'
if addsRows and storedRev ~= tonumber(ARGV[12]) then
  return {'gap'}
end

local metaAt = 14
local metaCount = tonumber(ARGV[13])
local eventAt = metaAt + metaCount + 1
local eventCount = tonumber(ARGV[eventAt - 1])
local rowAt = eventAt + eventCount

-- First of all a command that a full Redis refuses: after one that it allows, it would let the whole step pass.
redis.call('SADD', KEYS[7], ARGV[3])
for index = 8, #KEYS do
  redis.call('SREM', KEYS[index], ARGV[3])
end
if ARGV[8] == '1' then
  redis.call('DEL', KEYS[3], KEYS[4])
else
  redis.call('SET', KEYS[4], ARGV[11])
  if ARGV[7] == '1' or (stored[3] or '') ~= ARGV[6] then
    redis.call('DEL', KEYS[3])
  end
  -- One HSET for each row: a whole ledger would not fit on Lua's stack.
  for at = rowAt, #ARGV, 2 do
    redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 1])
  end
end
if ARGV[8] == '1' or ARGV[9] == '' then
  redis.call('ZREM', KEYS[5], ARGV[3])
else
  redis.call('ZADD', KEYS[5], ARGV[9], ARGV[3])
end
if eventCount > 0 then
  redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[10], '*', unpack(ARGV, eventAt, rowAt - 1))
end
-- The revision comes last: a step that failed before (a key of another type) is then done again as a whole.
redis.call('HSET', KEYS[2], unpack(ARGV, metaAt, metaAt + metaCount - 1))
return {'saved'}
