"""The namespace that node types run in."""

from tests.worker.conftest import bench

__all__ = ["bench"]
