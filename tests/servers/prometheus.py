"""A real Prometheus on loopback that scrapes an exporter of ours."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from tests.servers.pages import Pages, free_port, serving

INSTALL = "apt-get install prometheus"
SCRAPE_INTERVAL = "200ms"

CONFIG = """
global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}
scrape_configs:
  - job_name: live
    static_configs: [{{targets: ["{exporter}"]}}]
"""


def missing() -> str | None:
    """Return what to do before a real Prometheus can run here, or None."""
    return None if shutil.which("prometheus") else INSTALL


@dataclass
class PrometheusServer:
    """A running server.

    Attributes:
        figures: What the exporter says now, by series.
        ill: The exporter answers 500.
    """

    port: int
    figures: dict[str, str] = field(default_factory=dict)
    ill: bool = False

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}"

    async def export(self, _: web.BaseRequest) -> web.StreamResponse:
        text = "".join(f"{series} {value}\n" for series, value in self.figures.items())
        return web.Response(text=text, status=500 if self.ill else 200)


@asynccontextmanager
async def prometheus(folder: Path, *, target: str | None = None) -> AsyncIterator[PrometheusServer]:
    """Start a server. It is given back at once, before it answers.

    Args:
        target: What it scrapes, ``host:port``; else the exporter that says its figures.
    """
    server = PrometheusServer(free_port())
    exporter: Pages
    async with serving(server.export) as exporter:
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(interval=SCRAPE_INTERVAL, exporter=target or exporter.authority))
        with (folder / "prometheus.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={server.authority}",
                stdout=log,
                stderr=log,
            )
        try:
            yield server
        finally:
            process.kill()
            await process.wait()
