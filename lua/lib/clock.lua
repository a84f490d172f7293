-- Milliseconds of this call: Redis TIME, unless a test says otherwise.
-- @arg now int milliseconds; 0 asks the server
local call = redis.call
if now == 0 then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
