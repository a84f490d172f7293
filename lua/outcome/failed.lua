-- The attempt failed and no attempt is left.
-- @include stop
local function settle_failed(execution, step, token, meta, value)
  fail_step(execution, step, meta, token, value)
end
