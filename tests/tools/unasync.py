"""Write the synchronous twins from the asynchronous files; `--check` only compares.

A file is read line by line and each pattern below is substituted; ruff then formats the result.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLIENT = """acting api_keys asking audit_log checking client diagnosing door explaining guard handle
    keyring listing namespace operating orders pausing payloads plans purging queues reading
    registry rerunning rooms schedules secrets signalling skipping starting stopping webhooks
    workers
    workflows""".split()
DRIVER = ". single cluster cluster/node sentinel".split()
FILES = {
    f"{folder}/_async.py": f"{folder}/_sync.py"
    for folder in (str(Path("redflow/driver", name)) for name in DRIVER)
} | {f"redflow/client/_async/{name}.py": f"redflow/client/_sync/{name}.py" for name in CLIENT}
BANNER = "# GENERATED from {source} by tests/tools/unasync.py: change that file.\n"
SUBSTITUTIONS = [
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bredis\.asyncio\b", "redis"),
    (r"\b_async\b", "_sync"),
    (r"\basync_(driver|each)\b", r"\1"),
    (r"\bAsync([A-Z]\w*)", r"\1"),
    (r"\b__a(enter|exit|iter|next)__\b", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\bStopAsyncIteration\b", "StopIteration"),
]
COMPILED = [(re.compile(pattern), text) for pattern, text in SUBSTITUTIONS]


def main(arguments: list[str]) -> int:
    """Write the twins, or with --check answer 1 and name those that differ."""
    stale = [target for source, target in FILES.items() if not is_current(source, target)]
    if "--check" in arguments:
        for target in stale:
            print(f"{target} is not what its source generates: run python tests/tools/unasync.py")
        return 1 if stale else 0
    for target in stale:
        (ROOT / target).write_text(generate(source_of(target)), encoding="utf-8")
        print(f"wrote {target}")
    return 0


def source_of(target: str) -> str:
    return next(source for source, written in FILES.items() if written == target)


def is_current(source: str, target: str) -> bool:
    path = ROOT / target
    return path.is_file() and path.read_text(encoding="utf-8") == generate(source)


def generate(source: str) -> str:
    """Return the text of the twin of one asynchronous file."""
    lines = (ROOT / source).read_text(encoding="utf-8").splitlines(keepends=True)
    text = BANNER.format(source=source) + "".join(substitute(line) for line in lines)
    for step in (["check", "--select=I", "--fix-only"], ["format"]):
        text = ruff(step, text, source.replace("_async", "_sync"))
    return text


def substitute(line: str) -> str:
    """Return one line of a file in its synchronous form."""
    for pattern, text in COMPILED:
        line = pattern.sub(text, line)
    return line


def ruff(command: list[str], text: str, name: str) -> str:
    """Pass text through a ruff command, as if it were the file called name."""
    whole = [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename", name, "-"]
    done = subprocess.run(whole, cwd=ROOT, input=text, capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
