"""The rows of docs/faults.md: what breaks, what redflow does then, and what a test must show."""

# ruff: noqa: E501 - a table reads best in rows

from typing import NamedTuple


class Row(NamedTuple):
    """One fault; `without` says why no test shows it, "" when some do."""

    fault: str
    answer: str
    passes: str
    without: str = ""


ROWS: dict[str, dict[int, Row]] = {
    "The server": {
        1: Row(
            "killed with -9, append-only file fsynced each second",
            "calls are repeated without end, results are kept and sent again",
            "every execution ends, first claim within 5 s of its return",
        ),
        2: Row(
            "torn tail after a power loss",
            "a script is one block of the file: a cut one is dropped whole",
            "no half transition, what is left ends",
        ),
        3: Row(
            "failover that loses writes",
            "a new epoch; steps go on from the older state",
            "nothing stands still",
        ),
        4: Row(
            "an old primary comes back, or is cut off",
            "clients ask the sentinels, never a fixed host; too few replicas is an outage",
            "nothing accepted is lost while min-replicas-to-write is set",
        ),
        5: Row(
            "Sentinel failover",
            "all connections are dropped and the sentinels asked again",
            "claims resume within down-after + 5 s, no worker ends",
        ),
        6: Row(
            "a primary of a cluster fails",
            "the map of slots is read again, the call repeated",
            "claims resume within node-timeout + 10 s",
        ),
        7: Row(
            "slots move",
            "every key is declared and none vanishes while in use; a redirected call is repeated",
            "no half transition",
        ),
        8: Row(
            "a script fails half way",
            "everything is checked before the first write",
            "no key changed by a failed script",
        ),
        9: Row(
            "out of memory",
            "near maxmemory nothing new is taken in, what runs goes on; starts answer OutOfMemory",
            "all that runs ends, every new start is refused, nothing of it is left",
        ),
        10: Row(
            "an eviction policy",
            "a worker does not start; one that runs says so in its log",
            "refused at the start with its message",
        ),
        11: Row("disk full", "an outage: no attempt is charged", "work resumes within 5 s of room"),
        12: Row(
            "SCRIPT FLUSH, restarts",
            "SCRIPT LOAD on that server, then the same call",
            "no error is seen, one load for each flush and script",
        ),
        13: Row("a wide fan-out", "1,000 edges a call, the rest by orders", "longest script 50 ms"),
        14: Row(
            "paused or down for longer than a lease",
            "no lease is taken over for one lease after a gap without sweeps",
            "no step of a live worker is taken over",
        ),
        15: Row(
            "FLUSHALL, lost groups",
            "groups are made again",
            "consuming within 2 s, no flood of log lines",
        ),
    },
    "The network and the client": {
        16: Row(
            "a reply is lost",
            "the same call again answers what the first did",
            "state and events equal to a run without cuts, for every script",
        ),
        17: Row(
            "the reply of a blocking read is lost",
            "the worker reads its own pending list",
            "nothing lost",
        ),
        18: Row(
            "a blocking read outlasts the socket's timeout",
            "a connection of its own that waits longer than the block",
            "no error, one blocked client for each worker",
        ),
        19: Row(
            "a reader that hangs after a reconnect",
            "a watchdog renews its connections, and ends the worker when that does not help",
            "consumes within 10 s, every time",
        ),
        20: Row(
            "a half-open connection", "answers have 5 s, keep-alive is on", "noticed within 10 s"
        ),
        21: Row("connections are killed", "the call is repeated on another", "no error is seen"),
        22: Row(
            "a call is cancelled",
            "its connection is not used again; what it did is known by its id",
            "no wrong reply, no lost connection",
        ),
        23: Row(
            "too few connections, fork, two event loops",
            "callers wait; heartbeat and blocking read have their own",
            "no crossed replies, no late heartbeat",
        ),
        24: Row(
            "consumers and pending lists grow",
            "a dead worker's consumer is deleted in a script that saw nothing pending",
            "back to base after 500 restarts",
        ),
        25: Row(
            "entries deleted by hand",
            "ready streams are never trimmed by redflow; an audit issues lost tokens again",
            "no lost step",
        ),
        26: Row(
            "nobody reads the events", "they are trimmed by records", "memory stays at the cap"
        ),
    },
    "Workers": {
        27: Row(
            "SIGKILL",
            "the lease runs out, another worker takes the step",
            "taken over within lease + 5 s, nothing lost",
        ),
        28: Row(
            "paused for longer than its lease",
            "what it reports afterwards is refused",
            "no field changed",
        ),
        29: Row(
            "a step holds the interpreter",
            "leases are renewed by a thread; a lost one is fenced",
            "shorter than the lease: never taken over",
        ),
        30: Row("heartbeats fail", "the thread never ends for an error", "no step taken over"),
        31: Row(
            "a step kills its worker",
            "after 5 lost leases it fails as worker_lost",
            "it ends, others go on",
        ),
        32: Row("a step ends by any cause", "one path settles every cause", "every parent settles"),
        33: Row("a sweep acts on what has changed", "scripts look again", "nothing overwritten"),
        34: Row(
            "a sweep meets a step just claimed",
            "a claim is one step, idleness is looked at in the script",
            "no step taken over by mistake",
        ),
        35: Row(
            "an index loses an entry",
            "workers audit their partitions; `redflow fsck --repair`",
            "repaired, nothing runs twice by it",
        ),
        36: Row(
            "one bad entry among many",
            "a refused page is halved down to it",
            "all others recovered",
        ),
        37: Row(
            "a rolling restart", "every worker sweeps, for ever", "nothing waits for a restart"
        ),
        38: Row(
            "two workers with the same host name and process id",
            "ids have a random part",
            "no shared name",
        ),
        39: Row(
            "SIGTERM",
            "no more claims, drain, give back the rest uncharged",
            "out within drain + 4 s, no attempt charged",
        ),
        40: Row(
            "two versions at once",
            "scripts are named by their content; a newer data model is refused",
            "",
            "there is one version of the data model so far",
        ),
        41: Row(
            "a completion is reported twice", "its token is consumed once", "a join fires once"
        ),
        42: Row(
            "a retry meets a redelivery",
            "lease and timer change in one script",
            "never two live tokens of a step",
        ),
        43: Row(
            "timers due during an outage",
            "they stand in Redis and fire when it is back",
            "each once",
        ),
        44: Row(
            "a crash while compensating",
            "compensations are steps with leases of their own",
            "all undone, in reverse order",
        ),
        45: Row(
            "signals twice, early, late",
            "known by their id, kept until awaited, refused after the end",
            "consumed once",
        ),
        46: Row(
            "cancel meets completion",
            "one script decides, an end is final",
            "one end, nothing after it",
        ),
        47: Row(
            "a crash between parent and child",
            "the child's id follows from the step; its end is an order",
            "one child, one wake-up",
        ),
    },
    "Time": {
        48: Row(
            "many processes, one tick, workers killed",
            "a tick's execution has a fixed id; starting it and moving the schedule on are one script",
            "exactly one execution a tick",
        ),
        49: Row(
            "missed ticks",
            "`catch_up`: none, the last, or all up to 100; those left out are events",
            "after an hour of a minutely schedule: skip 0, last 1, all 60",
        ),
        50: Row(
            "daylight saving time",
            "named hours are meant once a day, other ones follow real time; a tick in a gap comes after it",
            "a daily job runs once each day in four zones for two years",
        ),
        51: Row(
            "the server's clock jumps",
            "timers follow the server's clock; when it goes back, anyone may sweep and every lease begins anew; after a jump none is taken over for a lease",
            "no live step taken over, no timer early",
        ),
    },
    "Size and time": {
        59: Row("huge values", "refused before they are sent", "a typed error, memory unchanged"),
        60: Row("many faults for long", "", "memory stays flat, nothing stands still"),
    },
}
