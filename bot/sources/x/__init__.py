"""Spaces on X: ``x:@handle`` for whatever an account hosts, ``x:<space id>`` for one Space.

https://docs.x.com/x-api/spaces/lookup/introduction, openapi.json 2.167

A handle is looked up once ($0.010) and its id kept, so an account that is renamed goes on being found.
"""

from __future__ import annotations

from bot.sources.x.source import X

__all__ = ["X"]
