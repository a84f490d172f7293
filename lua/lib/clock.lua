-- Milliseconds of this call: Redis TIME, unless a test says otherwise.
-- @arg now int milliseconds; 0 asks the server
local call = redis.call
if now == 0 then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- `..` turns what has more than 14 digits into an exponent.
local function decimal(number)
  return string.format('%.0f', number)
end

-- Milliseconds of `+<ms>` from now or `@<ms>`; anything else is now.
local function due_at(text)
  local sign, number = string.match(text, '^([+@])(%d+)$')
  if not sign then return now end
  return tonumber(number) + (sign == '+' and now or 0)
end
