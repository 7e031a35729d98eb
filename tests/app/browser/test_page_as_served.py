"""What the page's server lets through, and what it leaves behind."""

from pathlib import Path

import pytest

pytest.importorskip('gradio', reason="gradio is not installed: pip install -e '.[app]'")


@pytest.mark.parametrize('path', ['/etc/passwd', 'log.txt', '{repository}/setup.py', '../../../../etc/passwd',
                                  'https://127.0.0.1/'])
def test_no_file_of_the_server_can_be_read(served: dict, repository: Path, path: str) -> None:
    assert served['top_hat'].status(f'/gradio_api/file={path.format(repository=repository)}') == 403


def test_an_upload_above_the_limit_is_refused(served: dict) -> None:
    body = (b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + bytes(2 ** 26 + 1)
            + b'\r\n--x--\r\n')
    assert served['top_hat'].status('/gradio_api/upload', body,
                                    **{'Content-Type': 'multipart/form-data; boundary=x'}) == 413


def test_the_page_listens_on_this_machine_alone(served: dict) -> None:
    listening = {line.split()[1] for line in Path('/proc/net/tcp').read_text().splitlines()[1:]
                 if line.split()[3] == '0A'}
    port = f'{served["top_hat"].port:04X}'
    assert {place.split(':')[0] for place in listening if place.endswith(f':{port}')} == {'0100007F'}


def test_a_page_that_ends_leaves_no_file(served: dict) -> None:
    assert served['top_hat'].stop() == 0
    assert list(served['top_hat'].folder.glob('irstd_app_*')) == []
