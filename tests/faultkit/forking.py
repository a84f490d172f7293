"""A program that asks Redis, forks, and asks on in every process: `... URL CHILDREN CALLS`.

Prints how many answers were wrong, over all processes.
"""

import os
import sys

from redflow.driver import Driver, RedisConnector


def wrong_answers(driver: Driver, calls: int) -> int:
    """Ask for what no other process asks for; count the answers that are not it."""
    own = [f"{os.getpid()}-{number}" for number in range(calls)]
    return sum(driver.raw("ECHO", one) != one.encode() for one in own)


def main() -> None:
    """Fork with connections that stand, and use them on both sides at once."""
    url, children, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    driver = RedisConnector(url).driver()
    wrong = wrong_answers(driver, calls)
    pids = []
    for _ in range(children):
        pid = os.fork()
        if pid == 0:
            os._exit(min(wrong_answers(driver, calls), 100))
        pids.append(pid)
    wrong += wrong_answers(driver, calls)
    for pid in pids:
        wrong += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    driver.close()
    print(wrong)


if __name__ == "__main__":
    main()
