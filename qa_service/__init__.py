"""Cited answers to questions over press releases."""

__version__ = "0.1.0"
