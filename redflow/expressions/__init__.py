"""The language of conditions and templates: a bounded subset of Python expressions.

May import `model`, `errors` and `defaults`; knows nothing of nodes, steps or Redis. `expression.py`
is an expression, `template.py` a JSON value with `${...}` in it, `scope.py` the names both may
read. An expression passes through `lexer.py` and `syntax.py` (text to tree), `checks.py` (what is
allowed) and `compiler.py` (tree to closures). Read docs/expressions.md first.
"""

from redflow.expressions.errors import ExpressionError as ExpressionError
from redflow.expressions.expression import Expression as Expression
from redflow.expressions.expression import parse_expression as parse_expression
from redflow.expressions.scope import CONFIG_NAMES as CONFIG_NAMES
from redflow.expressions.scope import EDGE_NAMES as EDGE_NAMES
from redflow.expressions.scope import References as References
from redflow.expressions.template import Template as Template
from redflow.expressions.template import parse_template as parse_template
