"""The JSON routes, a module for each kind: searching, answering, releases, the service itself."""

from fastapi import APIRouter

from qa_service.api import answering, releases, searching, service

router = APIRouter()
for part in (searching, answering, releases, service):
    router.include_router(part.router)
