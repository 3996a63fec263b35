"""Dense and lexical search on a Milvus server: parts of one cluster that several machines may share."""

from qa_service.engines.milvus.collection import MilvusCollection
from qa_service.engines.milvus.dense import MilvusDense
from qa_service.engines.milvus.lexical import MilvusLexical, why_not
from qa_service.engines.milvus.server import Server

__all__ = ["MilvusCollection", "MilvusDense", "MilvusLexical", "Server", "why_not"]
