"""Bytes of one format to releases: one file a format. Only ``qa_service.corpus`` imports these."""
