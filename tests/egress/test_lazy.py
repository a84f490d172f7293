"""httpx is imported with the first request, not before."""

import subprocess
import sys

import pytest

HEAVY = "{'httpx', 'httpcore', 'certifi', 'anyio'} & set(sys.modules)"


@pytest.mark.process
@pytest.mark.parametrize(
    "light",
    [
        "import redflow",
        "import redflow.nodes.registry",
        "from redflow.egress import *",
        "from redflow.egress import Egress; Egress.from_env({'REDFLOW_EGRESS_PROXY': 'http://p:1'})",
    ],
)
def test_what_needs_no_http_client_imports_none(light: str):
    program = f"import sys; {light}; print(sorted({HEAVY}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
