-- The attempt failed and no attempt is left; detail u: it was cut off, so what it did is uncertain.
-- @include stop
local function settle_failed(execution, step, token, meta, value, detail)
  fail_step(execution, step, meta, token, value, detail == 'u' and 'u' or 'f')
end
