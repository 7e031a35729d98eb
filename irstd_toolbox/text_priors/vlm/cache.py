"""Answers kept by what was asked, so that nothing is paid twice: one JSON file each, no index, no database."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, Usage

__all__ = ['AnswerCache']

_SCHEMA = 1


class AnswerCache:
    """Accepted answers in a folder, as ``ab/abcdef....json``.

    A file is written whole or not at all and carries a digest of its content, so a damaged one is a miss and is
    written anew. Who puts judges first: only answers that may be written as descriptions belong here, or a refusal
    would be handed out for ever.

    Args:
        folder: Made when the first answer is put.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)

    @staticmethod
    def key(provider_identity: dict[str, Any], prompt: Prompt, image: PreparedImage) -> str:
        """The name of an answer: a digest of all that can change it.

        Args:
            provider_identity: What :meth:`.VisionLanguageProvider.identity` says.
        """
        asked = {'schema': _SCHEMA, 'provider': provider_identity, 'prompt': prompt.sha256, 'image': image.sha256,
                 'sample': 0}
        return hashlib.sha256(_canonical(asked)).hexdigest()

    def get(self, key: str) -> Answer | None:
        """The answer under ``key``, None if there is none or its file is damaged."""
        try:
            entry = json.loads(self._path(key).read_bytes())
            if entry['key'] != key or entry['sha256'] != hashlib.sha256(_canonical(entry['answer'])).hexdigest():
                return None
            return Answer(**(entry['answer'] | {'usage': Usage(**entry['answer']['usage'])}))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, answer: Answer) -> None:
        """Keep an accepted answer; it is on the disk when this returns."""
        plain = answer.to_dict()
        entry = {'key': key, 'sha256': hashlib.sha256(_canonical(plain)).hexdigest(), 'answer': plain}
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
        try:
            with open(hidden, 'wb') as file:
                file.write(json.dumps(entry, ensure_ascii=False, indent=1).encode() + b'\n')
                file.flush()
                os.fsync(file.fileno())
            os.replace(hidden, path)
        finally:
            hidden.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f'{key}.json'


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(',', ':')).encode()
