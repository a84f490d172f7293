-- Take note of the history a server's data have; another one than before begins a new epoch.
-- Idempotent by history. First write a no-op ZREM: works under OOM.
-- @include journal
-- @arg run str id of the server's process
-- @arg history str its replication id: a restart and a promotion give it another one
-- @arg earlier str the replication id it went on from, when its process followed another primary before
-- @arg lease int milliseconds in which no lease is taken over
-- @reply array [word, epoch]; ok: a new epoch, or the first · same
-- @emits epoch.changed
local server, number = unpack(call('HMGET', sweeper, 'server', 'epoch'))
local run_before, history_before = string.match(server or '', '^(%S+) (%S+)$')
local epoch = tonumber(number or '0')
if history == history_before then return { 'same', epoch } end

-- A primary that gets its first replica, or is long without any, renames its history and goes on.
local renamed = run == run_before and earlier == ''
if not renamed then epoch = epoch + 1 end
call('ZREM', timers, '')
call('HSET', sweeper, 'server', run .. ' ' .. history, 'epoch', epoch)
if history_before and not renamed then
  call('HSET', sweeper, 'hold', now + lease)
  local nobody = { seq = epoch - 1, packed_id = mp_str('') }
  emit(nobody, 30, nil, mp_uint(epoch))
  flush_journal('', 0)
end
return { renamed and 'same' or 'ok', epoch }
