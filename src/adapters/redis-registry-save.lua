-- One save of one stream: lease, revision, then everything that Redis shows of it, in one step.
-- Costs the same for part 10 and part 9,999: only the rows that are new travel, and nothing here walks the ledger.
-- KEYS: 1 lease, 2 meta, 3 parts, 4 snapshot, 5 due, 6 events, 7 the set it belongs to, 8.. the other sets
-- ARGV: 1 holder, 2 lease's fence, 3 stream id, 4 rev, 5 record's fence, 6 upload id ('' none), 7 replace rows (1/0),
--       8 final (1/0), 9 due at ms ('' never), 10 events kept, 11 snapshot, 12 the revision that the rows continue (-1 none),
--       13 the daemon's run, 14 number of meta texts, then those (field, value, ...), number of texts about changes of status, then
--       those (number, status, bucket, key, size, at, ...), then the rows (part number, JSON, ...)
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

local stored = redis.call('HMGET', KEYS[2], 'rev', 'fence', 's3_upload_id', 'status', 'told')
local rev = tonumber(ARGV[4])
local storedRev = tonumber(stored[1] or '-1')
local isThisSave = storedRev == rev and stored[2] == ARGV[5]
if isThisSave then
  -- It was executed before and its answer got lost; unless all sets have lost it since.
  for index = 7, #KEYS do
    if redis.call('SISMEMBER', KEYS[index], ARGV[3]) == 1 then
      return {'saved'}
    end
  end
end
if storedRev >= rev and not isThisSave then
  return {'stale', stored[1], stored[2] or '0'}
end

local addsRows = ARGV[6] ~= '' and ARGV[7] == '0' and ARGV[8] == '0'
if addsRows and storedRev ~= tonumber(ARGV[12]) then
  return {'gap'}
end

local metaAt = 15
local metaCount = tonumber(ARGV[14])
local changeAt = metaAt + metaCount + 1
local rowAt = changeAt + tonumber(ARGV[changeAt - 1])

-- First of all a command that a full Redis refuses: after one that it allows, it would let the whole step pass.
redis.call('SADD', KEYS[7], ARGV[3])
for index = 8, #KEYS do
  redis.call('SREM', KEYS[index], ARGV[3])
end
if ARGV[8] == '1' then
  redis.call('DEL', KEYS[3], KEYS[4])
  redis.call('HSET', KEYS[2], 'final_record', ARGV[11])
else
  redis.call('HDEL', KEYS[2], 'final_record')
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

-- `told` names the last change that was told, by run and number: a save whose answer got lost comes again inside a later one.
local run, number = string.match(stored[5] or '', '^(.*):(%d+)$')
local told = run == ARGV[13] and tonumber(number) or 0
local status = stored[4]
for at = changeAt, rowAt - 1, 6 do
  local seq = tonumber(ARGV[at])
  if (seq == 0 or seq > told) and ARGV[at + 1] ~= status then
    status = ARGV[at + 1]
    redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[10], '*', 'stream_id', ARGV[3], 'status', status,
      'bucket', ARGV[at + 2], 'key', ARGV[at + 3], 'size', ARGV[at + 4], 'at', ARGV[at + 5])
  end
  told = math.max(told, seq)
end
-- The revision comes last: a step that failed before (a key of another type) is then done again as a whole.
redis.call('HSET', KEYS[2], 'told', ARGV[13] .. ':' .. told, unpack(ARGV, metaAt, metaAt + metaCount - 1))
return {'saved'}
