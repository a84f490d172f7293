"""The language of expressions: what it computes, what it refuses, what it may cost."""
