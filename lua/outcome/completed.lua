-- The step's function returned: record the output, settle its edges.
-- @include stop
local function settle_completed(execution, step, token, meta, value, not_taken)
  local body, inline = value, nil
  if byte(value) == 64 then -- '@': too large for the record, kept where the hot path never reads
    write(execution, 'big:s' .. step, sub(value, 2))
    body = '@'
  else
    inline = sub(value, 2)
  end
  local routed = not_taken == '' and '\n' or '|' .. not_taken .. '\n'
  record_settled(execution, step, 'C' .. meta .. ',' .. token .. routed .. body)
  remember_undo(execution, step, 'c')
  emit(execution, 6, step, mp_str(meta))
  spread(execution, step, 1, 'c', not_taken, inline)
  execution.active = execution.active - 1
end
