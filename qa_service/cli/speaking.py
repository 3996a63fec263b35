"""The verb that speaks to assistants: mcp."""

from functools import partial

from qa_service.cli.options import Index
from qa_service.settings import read_settings


def mcp(index: Index = None) -> None:
    """Give the releases to an assistant as MCP tools over stdin and stdout.

    Needs the extra: pip install 'qa-service[mcp]'. A running `qa serve` has the same tools at /mcp.
    """
    from qa_service.index import Serving
    from qa_service.tools import make_server
    from qa_service.wiring import canary, make_answerer, make_engines

    settings = read_settings(index_dir=index)
    answerer = make_answerer(settings)
    serving = Serving(
        settings.index_dir, make_engines(settings), partial(canary, answerer=answerer)
    )
    server = make_server(serving, answerer, settings)
    serving.start(settings.poll_s)
    try:
        server.run("stdio")
    finally:
        serving.stop()
