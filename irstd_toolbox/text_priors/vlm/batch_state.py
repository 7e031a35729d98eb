"""What is known of batches that were sent to a vendor: one small file, written before and after every remote step."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from irstd_toolbox.errors import DataError

__all__ = ['BatchState', 'Item', 'Shard', 'pending_images']

FILE = 'batches.json'
SCHEMA = 1
STATES = ('submitting', 'submitted', 'ingested', 'failed')
OPEN = ('submitting', 'submitted')
_KINDS = dict(label=str, identity=dict, folder=str, suffix=str, record=dict, created=int | float, key=str, images=list,
              replaces=dict, facts=dict)


@dataclass
class Item:
    """One request of a batch.

    Args:
        key: The answer's key in the cache.
        images: Ids that the answer is for: more than one where images are the same pixel for pixel.
        replaces: By image id, the SHA-256 of the description that was to be overwritten when the request was made; a
            description that differs by the time of the answer stays.
        facts: More for the audit log: what was sent.
    """

    key: str
    images: list[str]
    replaces: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Shard:
    """One remote batch.

    Args:
        label: Unique name under which the vendor keeps it; custom ids are ``LABEL-00000`` and so on.
        identity: Of the provider that made the requests, as its ``identity()``.
        folder: Name of the folder that the descriptions go to.
        suffix: File name of a new description after its id.
        word_limit: That answers are judged by.
        record: More for the record of who wrote the descriptions: prompt, options.
        created: Seconds since the epoch.
        items: By custom id.
        state: ``'submitting'`` (the vendor may or may not have it), ``'submitted'``, ``'ingested'`` or ``'failed'``.
        remote_id: The vendor's id; None while submitting.
        remote_state: The vendor's own word, as last heard.
        message: Why it failed.
        cleaned: Whether the vendor was asked to delete its files.
    """

    label: str
    identity: dict[str, Any]
    folder: str
    suffix: str
    word_limit: int | None
    record: dict[str, Any]
    created: float
    items: dict[str, Item]
    state: str = 'submitting'
    remote_id: str | None = None
    remote_state: str | None = None
    message: str | None = None
    cleaned: bool = False

    @property
    def open(self) -> bool:
        """Whether answers are still to be fetched."""
        return self.state in OPEN

    @property
    def images(self) -> list[str]:
        """All image ids that it asks about."""
        return [image_id for item in self.items.values() for image_id in item.images]


class BatchState:
    """The shards of one folder, on disk as ``batches.json``.

    Args:
        folder: Where the file lies, the session's ``.annotation``.

    Raises:
        DataError: If the file is damaged: without it the toolbox cannot know what has been paid for.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.path = Path(folder, FILE)
        self.shards: list[Shard] = _read(self.path)

    def save(self) -> None:
        """Write the file, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        hidden = self.path.with_name(f'.{FILE}.{os.getpid()}.tmp')
        text = json.dumps({'schema': SCHEMA, 'shards': [asdict(shard) for shard in self.shards]}, indent=1)
        with open(hidden, 'w', encoding='utf-8') as file:
            file.write(text + '\n')
            file.flush()
            os.fsync(file.fileno())
        os.replace(hidden, self.path)


def pending_images(folder: str | os.PathLike, descriptions: str) -> dict[str, str]:
    """By image id, the label of the batch that is still to answer for it.

    Whoever asks the model online leaves these out, or they would be paid twice.

    Args:
        folder: The session's ``.annotation``, which folders of descriptions beside each other share.
        descriptions: Name of the folder of descriptions.

    Raises:
        DataError: If the file is damaged.
    """
    return {image_id: shard.label for shard in BatchState(folder).shards
            if shard.open and shard.folder == descriptions for image_id in shard.images}


def _read(path: Path) -> list[Shard]:
    try:
        record = json.loads(path.read_text('utf-8'))
        if record['schema'] != SCHEMA:
            raise DataError(f'{path} has schema {record["schema"]!r}; expected {SCHEMA}. It was written by another '
                            'version of the toolbox: finish its batches with that version.')
        shards = [Shard(**{**entry, 'items': {custom_id: Item(**item) for custom_id, item in entry['items'].items()}})
                  for entry in record['shards']]
        for part in (*shards, *(item for shard in shards for item in shard.items.values())):
            for name, value in vars(part).items():
                if not isinstance(value, _KINDS.get(name, object)):
                    raise TypeError(f'{name} is {value!r:.80}')
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f'{path} is damaged ({error}); expected the record of batches that were sent. Mend it. Without '
                        'it, answers that were paid for are out of reach: remove it only if there are none.') from None
    for shard in shards:
        if shard.state not in STATES:
            raise DataError(f'{path}: batch {shard.label} is {shard.state!r}; expected one of {", ".join(STATES)}.')
    return shards
