-- Drops everything that Redis shows of one stream. Only for the holder of its folder's lease; repeating it changes nothing.
-- KEYS: 1 lease, 2 meta, 3 parts, 4 snapshot, 5 due, 6.. the sets
-- ARGV: 1 holder, 2 lease's fence, 3 stream id
-- Answers: {'forgotten'} or {'fenced', holder}

local lease = redis.call('HMGET', KEYS[1], 'holder', 'fence')
local ours = tonumber(ARGV[2])
local known = tonumber(lease[2] or '-1')
if known > ours or (known == ours and lease[1] ~= ARGV[1]) then
  return {'fenced', lease[1] or ''}
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
redis.call('ZREM', KEYS[5], ARGV[3])
for index = 6, #KEYS do
  redis.call('SREM', KEYS[index], ARGV[3])
end
return {'forgotten'}
