"""What an expression may take; docs/expressions.md states these numbers, and a test compares."""

from typing import Final

# The text, before anything reads it.
CHARS: Final = 4_000
NESTING: Final = 30
DEPTH: Final = 100

# One evaluation.
STEPS: Final = 10_000
NODES_PER_STEP: Final = 8
ITEMS_PER_STEP: Final = 10
CHARS_PER_STEP: Final = 200

# Values that an expression makes. Whole numbers are those that can be stored.
TEXT: Final = 1_048_576
ITEMS: Final = 10_000
RESULT_ITEMS: Final = 200_000
VALUE_DEPTH: Final = 100
LOWEST: Final = -(2**63)
HIGHEST: Final = 2**64 - 1
EXPONENT: Final = 64

# Patterns and what they search.
PATTERN: Final = 1_000
SEARCHED: Final = 100_000
SEARCH_PER_STEP: Final = 500
PATTERN_STEPS: Final = 25

# Parsed expressions kept.
CACHED: Final = 2_048
