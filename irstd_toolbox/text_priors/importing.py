"""Bring existing descriptions into a data set: a folder of text files, or one file of JSON lines."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from irstd_toolbox import __version__
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.annotation import holds_others, now, recorded_runs, settle, write_runs
from irstd_toolbox.text_priors.langir import leaks, naming_of
from irstd_toolbox.text_priors.listing import list_folder, read_all
from irstd_toolbox.text_priors.vlm.delivery import Desk
from irstd_toolbox.text_priors.vlm.judge import REASONS, judge
from irstd_toolbox.text_priors.vlm.session import hold, open_desk
from irstd_toolbox.text_priors.vlm.types import Answer

__all__ = ['ImportReport', 'import_descriptions', 'read_lines']


@dataclass
class ImportReport:
    """What became of an import.

    Args:
        folder: Where the descriptions went.
        written: Ids described by it.
        same: Ids that had this text already.
        kept: Ids whose other description stays.
        rejected: By id, why its text is no description.
        others: Ids of the source that are images of the data set, but none that texts were taken over for.
        unknown: Ids of the source that are no images of the data set.
        missing: Images that the source does not describe.
        uses_ground_truth: Whether the texts were made from masks; None if nobody says.
        leakage: Whether texts made from masks describe test images.
    """

    folder: Path
    written: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    uses_ground_truth: bool | None = None
    leakage: bool = False

    @property
    def status(self) -> int:
        """0, or 3 if texts were rejected."""
        return 3 if self.rejected else 0

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self) | {'folder': str(self.folder), 'status': self.status}

    def table(self, shown: int = 10) -> str:
        """For a reader: one line of counts, and the first of those not imported."""
        origin = {None: 'nobody says whether from the ground truth', True: 'from the ground truth',
                  False: 'not from the ground truth'}[self.uses_ground_truth]
        lines = [f'{len(self.written)} written, {len(self.same)} the same already, {len(self.kept)} kept, '
                 f'{len(self.rejected)} rejected, {len(self.unknown)} of unknown images, {len(self.missing)} images '
                 f'without: {self.folder}; {origin}{"; LEAKAGE: test images among them" if self.leakage else ""}']
        lines += [f'rejected: {image_id}: {reason}' for image_id, reason in list(self.rejected.items())[:shown]]
        if self.others:
            lines.append(f'{len(self.others)} of other images of the data set, such as {self.others[0]}: '
                         '--split all takes them over, too')
        if self.unknown:
            lines.append(f'unknown: {", ".join(self.unknown[:shown])}{", ..." if len(self.unknown) > shown else ""}')
        return '\n'.join(lines)


def read_lines(path: str | os.PathLike) -> dict[str, str]:
    """Descriptions from JSON lines ``{"id": ..., "text": ...}``; other keys are passed over.

    Raises:
        DataError: If a line is not such an object, or two lines of one id differ.
    """
    texts: dict[str, str] = {}
    try:
        lines = Path(path).read_bytes().decode('utf-8-sig').split('\n')
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path}: not a readable UTF-8 file ({error}). Expected JSON lines of id and text.') from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise DataError(f'{path}, line {number}: not JSON ({error}). Expected {{"id": "...", "text": "..."}}.') \
                from None
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ('id', 'text')):
            raise DataError(f'{path}, line {number}: expected {{"id": "...", "text": "..."}}, both strings.')
        image_id = store.check_image_id(entry['id'])
        if texts.setdefault(image_id, entry['text']) != entry['text']:
            raise DataError(f'{path}, line {number}: a second, different text of {image_id!r}. Expected one an image.')
    return texts


def import_descriptions(
        source: str | os.PathLike, ids: Iterable[str], folder: str | os.PathLike, *, suffix: str | None = None,
        overwrite: bool = False, uses_ground_truth: bool | None = None, test_ids: Iterable[str] = (),
        allow_ground_truth_on_test: bool = False, others: Iterable[str] = ()) -> ImportReport:
    """Write existing descriptions into a data set's folder, cleaned, each under its image's id.

    Texts that a model's answer would not pass with (refusals, empty, markup) are not written. The import is added to
    the record of ``folder``, and holds the record of the source.

    Args:
        source: A folder of descriptions under any of the four file names (or a data set's root above one), or a
            ``.jsonl`` file.
        ids: The images to take texts over for.
        suffix: Of new files; None takes LangIR's for these ids.
        overwrite: Replace a different description that is there.
        uses_ground_truth: What to record where the source's own record does not say; None is for nobody says.
        test_ids: Those of ``ids`` that are tested on.
        allow_ground_truth_on_test: Write texts made from masks for test images; the record then says leakage.
        others: More images of the data set, whose texts are left where they are.

    Raises:
        DataError: If the source cannot be read, is ``folder`` itself, or holds nothing.
        ConfigError: If its texts are made from masks and describe test images, and that was not allowed;
            ``uses_ground_truth`` contradicts the source's record; or another process annotates the same data set.
    """
    ids, source, folder = tuple(ids), Path(source), Path(folder)
    if source.suffix.lower() == '.jsonl':
        texts, failed, record = read_lines(source), {}, {}
    else:
        place = list_folder(source).folder
        if place.resolve() == folder.resolve():
            raise DataError(f'{source} is the folder to write to. Expected another one to import from.')
        texts, failed = read_all(place, _with_files(place, ids))
        record = store.read_provenance(place) or {}
    if not texts and not failed:
        raise DataError(f'{source} holds no descriptions. Expected one text file an image, or a .jsonl file.')
    origin = record.get('leakage') or record.get('uses_ground_truth')
    if None not in (origin, uses_ground_truth) and origin != uses_ground_truth:
        raise ConfigError(
            f'the record of {source} ({store.PROVENANCE}) says that its texts are {"" if origin else "not "}from the '
            'ground truth, and --from-ground-truth says the contrary. Leave it out, or mend the record if that is '
            'wrong.')
    known, others = set(ids), set(others)
    report = ImportReport(
        folder, rejected={image_id: reason for image_id, reason in failed.items() if image_id in known},
        others=[image_id for image_id in (*texts, *failed) if image_id in others - known],
        unknown=[image_id for image_id in (*texts, *failed) if image_id not in known | others],
        missing=[image_id for image_id in ids if image_id not in texts and image_id not in failed],
        uses_ground_truth=origin if uses_ground_truth is None else uses_ground_truth)
    tested = [image_id for image_id in test_ids if image_id in texts]
    report.leakage = bool(tested) if uses_ground_truth else leaks(record, bool(tested))
    if report.leakage and not allow_ground_truth_on_test:
        raise ConfigError(
            f'{source} was written from the ground truth, and {len(tested)} of its {len(texts)} texts describe test '
            f'images (the first: {tested[0]}). Results with them are no results. Import into a copy of the training '
            'images, or give --allow-ground-truth-on-test, and the record will call it leakage.')
    run = {'provider': 'import', 'source': source.name, 'uses_ground_truth': report.uses_ground_truth,
           'leakage': report.leakage, 'toolbox_version': __version__, 'started': now(), 'finished': None,
           'source_record': record or None}
    with hold(folder):
        desk = open_desk(folder)
        settle(folder, desk.audit)
        earlier, run['run'] = recorded_runs(folder), desk.audit.run
        _record(folder, earlier, run, report)
        for image_id in ids:
            if image_id in texts:
                try:
                    _write(report, desk, image_id, texts[image_id], suffix or naming_of([image_id]).suffix, overwrite)
                except DataError as error:
                    report.rejected[image_id] = str(error)
        desk.audit.close()
        replaced = overwrite and not holds_others(folder, report.written)
        _record(folder, [] if replaced else earlier, run | {'finished': now()}, report)
    return report


def _with_files(folder: Path, ids: tuple[str, ...]) -> list[str]:
    """The ids that ``folder`` describes: first those of the data set, then those that other files name."""
    known = list_folder(folder, ids)
    of_others = {path.relative_to(folder).as_posix() for path in known.orphans}
    others = [image_id for image_id, paths in list_folder(folder).files.items()
              if any(path.relative_to(folder).as_posix() in of_others for path in paths)]
    return [*known.files, *others]


def _write(report: ImportReport, desk: Desk, image_id: str, raw: str, suffix: str, overwrite: bool) -> None:
    verdict = judge(Answer(raw, '', finish='stop'), None)
    if not verdict.ok:
        report.rejected[image_id] = f'{verdict.reason}: {REASONS[verdict.reason]}: {verdict.text[:80]!r}'
        return
    existing = store.find_description(report.folder, image_id)
    if existing and store.clean_text(existing.read_bytes().decode('utf-8-sig', 'replace')) == verdict.text:
        report.same.append(image_id)
    elif existing and not overwrite:
        report.kept.append(image_id)
    else:
        path = store.write_description(report.folder, image_id, verdict.text, suffix, overwrite)
        desk.record(image_id, path, '', 'import', 'import')
        report.written.append(image_id)


def _record(folder: Path, earlier: list[dict[str, Any]], run: dict[str, Any], report: ImportReport) -> None:
    counts = {name: len(getattr(report, name)) for name in ('written', 'same', 'kept', 'rejected', 'others', 'unknown')}
    write_runs(folder, [*earlier, run | {'counts': counts}])
