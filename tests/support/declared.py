"""Hold every script that tests run to the keys it was given, as a cluster would.

Neither Redis nor fakeredis minds a key that is not in KEYS. Here each assembled script gets a
`redis` of its own that does, and that wants all keys under one hash tag, unless the script is one
that asks several partitions at once.
"""

from redflow.store import script
from tests.support.scripts import KEY_PLACES

SEVERAL_PARTITIONS = "sweepers"  # declared by the one script that looks at many at once

# One line, so that the line numbers of errors stay those of the assembled script.
GUARD = """
local redis = (function(server, places)
  local declared, tag = {}, nil
  for _, key in ipairs(KEYS) do
    local own = string.match(key, '{(.-)}')
    if not own or (tag and own ~= tag and not SEVERAL) then error('keys of two slots: ' .. key) end
    declared[key], tag = true, own
  end
  local function checked(run, name, ...)
    local words, command = {...}, string.upper(name)
    local first, last = places[command], places[command]
    if not first then error('a command the tests do not know: ' .. command) end
    if first < 0 then
      for at, word in ipairs(words) do
        if string.upper(word) == 'STREAMS' then first, last = at + 1, at + (#words - at) / 2 end
      end
    end
    if command == 'DEL' or command == 'EXISTS' then last = #words end
    for at = first, last do
      if at > 0 and not declared[words[at]] then
        error(command .. ' of a key that is not declared: ' .. tostring(words[at]))
      end
    end
    return run(name, ...)
  end
  return {
    call = function(...) return checked(server.call, ...) end,
    pcall = function(...) return checked(server.pcall, ...) end,
    error_reply = server.error_reply, status_reply = server.status_reply,
    acl_check_cmd = server.acl_check_cmd,
  }
end)(redis, PLACES)
"""


_guards: list[str] = []


def install() -> None:
    """Guard every script that this process loads from now on."""
    plain = script._preamble
    places = ",".join(f"{command}={place}" for command, place in KEY_PLACES.items())
    line = " ".join(GUARD.replace("PLACES", f"{{{places}}}").split())
    _guards[:] = [line.replace("SEVERAL", several) + " " for several in ("false", "true")]

    def guarded(head: script.Head) -> str:
        return _guards[SEVERAL_PARTITIONS in head.keys] + plain(head)

    script._preamble = guarded
    script.load_script.cache_clear()


def plain_text(name: str) -> str:
    """Return the assembled script as a server of production gets it."""
    text = script.load_script(name).text
    for guard in _guards:
        text = text.removeprefix(guard)
    return text
