"""A worker process with tracing: `python -m tests.worker.traced URL NAMESPACE`.

Writes a line of JSON for every span that ends: its trace, id, parent, links and outcome. Says
`hangs` when the step `hang` runs for the first time, and then never ends it.
"""

import asyncio
import json
import sys

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from redflow.driver import RedisConnector
from redflow.engine import Engine


def line_of(span: ReadableSpan) -> str:
    """What the test compares."""
    context = span.get_span_context()
    assert context is not None
    return (
        json.dumps(
            {
                "name": span.name,
                "trace": context.trace_id,
                "id": context.span_id,
                "parent": span.parent.span_id if span.parent else None,
                "links": [link.context.span_id for link in span.links],
                "deliveries": (span.attributes or {}).get("redflow.deliveries"),
            }
        )
        + "\n"
    )


async def main(url: str, namespace: str) -> None:
    provider = TracerProvider()
    exporter = ConsoleSpanExporter(formatter=line_of)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    async with Engine(RedisConnector(url), namespace=namespace) as engine:

        @engine.function
        async def work(value):
            return value

        @engine.function
        async def hang(ctx, value):
            if ctx.fence and value == "hang" and len(sys.argv) > 3:
                print(json.dumps({"name": "hangs"}), flush=True)
                await asyncio.Event().wait()
            return value

        settings = {"lease": 1.0, "beat": 0.3, "sweep": 0.5, "interval": 0.5, "drain": 0.0}
        await engine.worker(**settings).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
