"""The page as a service of this machine: no request to another, no file of the server but what the page made."""

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

# Read when gradio is imported.
os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'
os.environ['HF_HUB_DISABLE_TELEMETRY'] = '1'

import gradio as gr

from ..errors import ConfigError
from ..inference import Predictor
from .handlers import Handlers
from .page import build_page, theme
from .words import SCRIPT, STYLE

__all__ = ['LOCAL', 'MAX_UPLOAD', 'launch', 'serve']

MAX_UPLOAD = '64mb'
LOCAL = ('127.0.0.1', 'localhost', '::1')
_WAITING = 16


def launch(page: gr.Blocks, host: str, port: int, share: bool = False) -> str:
    """Start serving in a thread; returns the address.

    Args:
        host: Address to listen at.
        port: Its port.
        share: Also open a tunnel of gradio's, through which anybody with the link reaches the page.

    Raises:
        ConfigError: If the address cannot be listened at.
    """
    page.queue(max_size=_WAITING, api_open=False)
    try:
        _, address, shared = page.launch(
            server_name=host, server_port=port, share=share, prevent_thread_lock=True, quiet=True, inbrowser=False,
            show_error=False, allowed_paths=[], max_file_size=MAX_UPLOAD, footer_links=[], ssr_mode=False, pwa=False,
            mcp_server=False, enable_monitoring=False, run_history=False, theme=theme(), css=STYLE,
            js=SCRIPT)
    except (OSError, OverflowError) as error:  # the latter of a port above 65535
        raise ConfigError(f'The page cannot be served at {host}, port {port}: {error}. Choose another --port, or an '
                          'address of this machine as --host.') from error
    return shared or address


def serve(predictor: Predictor, config: str, checkpoint: str | None, *, threshold: float, host: str, port: int,
          share: bool) -> None:
    """Serve the page until it is interrupted; what was uploaded and made goes with it.

    Args:
        predictor: The model.
        config: As it was named.
        checkpoint: As it was named; None for a method without.
        threshold: Where the slider stands at first.
        host: Address to listen at.
        port: Its port.
        share: See :func:`launch`.

    Raises:
        ConfigError: As :func:`launch`.
    """
    with tempfile.TemporaryDirectory(prefix='irstd_app_') as folder:
        os.environ['GRADIO_TEMP_DIR'] = str(Path(folder, 'uploads'))
        made = Path(folder, 'made')
        made.mkdir()
        page = build_page(Handlers(predictor, config, checkpoint, made), threshold)
        try:
            address = launch(page, host, port, share)
            print(f'The page is at {address}   (Ctrl-C ends it)', flush=True)
            if share or host not in LOCAL:
                print('warning: others can reach the page, and it asks for no password', file=sys.stderr)
            _wait()
        finally:
            page.close(verbose=False)


def _wait() -> None:
    """Return at SIGTERM; Ctrl-C raises KeyboardInterrupt."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    while not ended.wait(1.0):
        pass
