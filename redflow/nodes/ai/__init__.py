"""The `ai` node: one question to a language model, by its provider's JSON protocol and no SDK.

May import what other nodes import. `node.py` is the node type, `wire.py` what all formats have in
common, `openai.py`, `anthropic.py` and `gemini.py` one format each, `answers.py` what an answer
means for the step, `schemas.py` JSON Schema. Read first: `node.py`.
"""
