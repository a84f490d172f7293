# GENERATED from redflow/client/_async/checking.py by tests/tools/unasync.py: change that file.
"""Checking a namespace: what its keys say of each other, and mending what does not agree."""

from redflow.client._sync.asking import ask_all
from redflow.client._sync.namespace import Namespace
from redflow.client._sync.orders import Orders
from redflow.driver.each import is_spread
from redflow.driver.timer import Timer
from redflow.errors import InvalidInput
from redflow.store.auditor import Auditor
from redflow.store.census import Census
from redflow.store.damage import Audited, each_once
from redflow.store.explaining import read_queues
from redflow.store.telling import Telling


class Checking:
    """Goes through all that is stored, in bounded calls; workers may run meanwhile."""

    def __init__(self, namespace: Namespace, orders: Orders) -> None:
        self._namespace = namespace
        self._orders = orders
        self._timer = Timer()

    def check(self, *, repair: bool, partition: int | None, patience: float) -> Audited:
        """Audited one partition or all.

        A step whose token is missing is issued again only if it still is after `patience` seconds:
        until then a worker may run it.
        """
        space = self._namespace.space()
        queues = self._namespace.driver.run(read_queues(space))
        numbers = range(space.keys.partitions) if partition is None else [partition]
        if partition is not None and not 0 <= partition < space.keys.partitions:
            raise InvalidInput(
                f"partition {partition} is not one of 0 to {space.keys.partitions - 1}",
                field="partition",
            )
        auditors = {
            number: Auditor(space, space.keys.partition(number), queues, repair=repair)
            for number in numbers
        }
        for auditor in auditors.values():
            ask_all(self._namespace.driver, auditor.walk())
            self._carry_out(auditor)
        census = Census(space.keys, auditors)
        if is_spread(self._namespace.driver):
            census.skip("a cluster lists the keys of each node for itself")
        else:
            ask_all(self._namespace.driver, census.walk(partition))
        if any(auditor.report.lost for auditor in auditors.values()):
            self._timer.sleep(patience)
        for auditor in auditors.values():
            self._mend_lost(auditor)
            self._carry_out(auditor)
        tellings = [Telling(auditor.partition, auditor.heads) for auditor in auditors.values()]
        for telling in tellings:
            ask_all(self._namespace.driver, telling.walk())
        findings = [one for auditor in auditors.values() for one in auditor.report.findings]
        findings += [one for telling in tellings for one in telling.findings]
        return Audited(
            partitions=len(auditors),
            executions=sum(auditor.report.executions for auditor in auditors.values()),
            findings=each_once([*findings, *census.findings]),
        )

    def _mend_lost(self, auditor: Auditor) -> None:
        lost = sorted(auditor.report.lost)
        ask_all(self._namespace.driver, auditor.mend_lost(lost))

    def _carry_out(self, auditor: Auditor) -> None:
        """Do at once what a repair has ordered; a sweep of a worker would, too."""
        orders, auditor.report.orders = auditor.report.orders, []
        self._orders.carry_out(auditor.partition, orders, {})
