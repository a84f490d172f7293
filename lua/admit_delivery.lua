-- Let a delivery through that is not over the rate of its webhook (GCRA: at once as many as in a minute), and say
-- which webhook that is. Paths that lead nowhere share one rate, so that they answer alike. Repeated it counts twice.
-- @include clock
-- @key webhooks hash `w:<name>` about, ending in deliveries a minute, `d:<name>` the rest, `p:<path>` name, `r:<name>` us at which all that came are through
-- @arg path str
-- @arg rate int deliveries a minute to paths that lead nowhere
-- @reply array [milliseconds to wait, name, about, document]; the last three are '' for a path that leads nowhere
local MINUTE = 60000000
local name = call('HGET', webhooks, 'p:' .. path)
local about = name and call('HGET', webhooks, 'w:' .. name)
local most = about and tonumber(string.match(about, '%d+$')) or rate
local place = 'r:' .. (about and name or '?')
local wait = 0
if most > 0 then
  local time, step = now * 1000, math.floor(MINUTE / most)
  local through = tonumber(call('HGET', webhooks, place) or '0')
  if through < time or through > time + MINUTE then through = time end -- later than can be: the clock went back
  local early = through - time - step * (most - 1)
  if early > 0 then
    wait = math.ceil(early / 1000)
  else
    call('HSET', webhooks, place, decimal(through + step))
  end
end
if not about then return { wait, '', '', '' } end
return { wait, name, about, call('HGET', webhooks, 'd:' .. name) or '' }
