"""Documents of workflows in files: read by the name's ending, written in the format asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from redflow.cli.inputs import read_text
from redflow.cli.output import as_json, knows_unicode, printable
from redflow.errors import InvalidWorkflow

if TYPE_CHECKING:
    from redflow.model.document import Check
    from redflow.model.workflow import Workflow

YAML_ENDINGS = (".yaml", ".yml")


def read_document(file: Path, check: Check[Workflow]) -> Workflow:
    """Read a workflow: YAML in a file named so, else JSON; raises InvalidWorkflow."""
    from redflow.model.document import read_json
    from redflow.model.workflow import Workflow
    from redflow.model.yaml_text import read_yaml

    _, text = read_text(file)
    read = read_yaml if file.suffix.lower() in YAML_ENDINGS else read_json
    try:
        return read(text, Workflow, check)
    except InvalidWorkflow as error:
        raise InvalidWorkflow(error.problems, hint=f"in {file}; nothing was registered") from None


def written(workflow: Workflow, style: str) -> str:
    """Return the text of a workflow: its document as yaml or json, or drawn as mermaid or dot."""
    match style:
        case "yaml":
            return _yaml(workflow)
        case "mermaid":
            return workflow.to_mermaid()
        case "dot":
            return workflow.to_dot()
    return as_json(workflow.to_document(), indent=2) + "\n"


def _yaml(workflow: Workflow) -> str:
    """Write YAML; what would control the terminal is escaped, and reads back the same."""
    from redflow.model.yaml_writing import write_yaml

    text = write_yaml(workflow, unicode=knows_unicode())
    return text if printable(text, lines=True) == text else write_yaml(workflow, unicode=False)
