"""The example of several customers: isolation, roles, teams, the organisation, and its program."""

import pytest

from examples.auth import app
from examples.auth.app import ANN, BEN, CLEO, EVE, WORKFLOWS, workflow
from examples.auth.provider import MultiTenantAuth
from redflow import AccessDenied, Engine, identity

TABLE = """\
                  view  start
ann   invoice     yes   yes
ann   newsletter  yes   yes
ann   payroll     yes   yes
ben   invoice     yes   yes
ben   newsletter  yes   yes
ben   payroll     no    no
cleo  invoice     no    no
cleo  newsletter  yes   no
cleo  payroll     no    no
eve   invoice     no    no
eve   newsletter  no    no
eve   payroll     no    no
"""


async def test_the_program_prints_who_may_do_what(capsys):
    await app.main()
    assert capsys.readouterr().out == TABLE


@pytest.fixture
async def engine():
    async with Engine.memory(auth=MultiTenantAuth()) as made:
        with identity(**ANN):
            for one in WORKFLOWS:
                await made.register_workflow(one)
        yield made


async def refused(call):
    """Make a call that is denied; answers whether even its being there is."""
    with pytest.raises(AccessDenied) as caught:
        await call
    return caught.value.hidden


async def test_nobody_is_let_in(engine):
    assert await refused(engine.get_workflow("newsletter"))


async def test_a_workflow_cannot_be_taken_over_nor_given_to_others(engine):
    stolen = workflow("newsletter", customer_id="globex", owner_id="eve", visibility="organization")
    planted = workflow("planted")
    with identity(**EVE):
        assert await refused(engine.register_workflow(stolen))
        assert await refused(engine.register_workflow(planted))
        mine = await engine.register_workflow(
            workflow("mine", customer_id="globex", owner_id="eve")
        )
    assert mine.version == 1


async def test_executions_follow_their_workflow(engine):
    with identity(**BEN):
        run = await engine.execute("invoice", {"amount": 4})
        assert (await run.execution()).input == {"amount": 4}
        assert await refused(run.cancel()) is False
    with identity(**CLEO):
        assert await refused(run.execution()) is False
    with identity(**EVE):
        assert await refused(run.status())
        assert await refused(run.cancel())
    with identity(**ANN):
        await run.cancel()


async def test_a_viewer_sees_no_values(engine):
    with identity(**BEN):
        run = await engine.execute("newsletter", {"to": "everybody"})
    with identity(**CLEO):
        assert (await run.execution()).input is None


async def test_lists_over_all_customers_are_nobodys(engine):
    with identity(**ANN):
        assert await refused(engine.list_workflows())
        assert await refused(engine.purge())
        assert len((await engine.list_executions("payroll")).items) == 0
