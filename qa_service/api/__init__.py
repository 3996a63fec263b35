"""The JSON routes, a module for each kind: searching, answering, streams, releases, the service itself."""

from fastapi import APIRouter

from qa_service.api import answering, releases, searching, service, streaming

router = APIRouter()
for part in (searching, answering, streaming, releases, service):
    router.include_router(part.router)
