"""The verbs that look at descriptions, take them over or hand them on, and the detection experiment."""

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.cli.work import Shown, Work, listed
from irstd_toolbox.text_priors.listing import read_all
from irstd_toolbox.text_priors.vlm.session import hold, run_dir

__all__ = ['check', 'detect', 'export', 'import_', 'stats']


def check(work: Work) -> int:
    """Report on the descriptions' quality."""
    from irstd_toolbox.text_priors.check import check_descriptions
    report = check_descriptions(work.folder, work.ids, work.load_mask, work.args.word_limit, others=work.images)
    work.show(report.table(), report.to_dict())
    return report.status


def stats(work: Work) -> int:
    """The paper's Table 1 of the split asked for, or of each list with ``all``, and described against true regions."""
    from irstd_toolbox.text_priors.statistics import confuse_regions, count_split_words
    texts, failed = read_all(work.folder, list(work.ids))
    listed('failed', failed)
    splits = work.splits if work.args.split == 'all' and work.splits else {work.args.split: work.ids}
    counts = count_split_words(texts, splits, work.dataset)
    confusion = confuse_regions(texts, work.load_mask, work.args.grid)
    work.show(f'{counts.table()}\n\n{confusion.table()}',
              {'words': counts.to_dict(), 'regions': confusion.to_dict(), 'failed': failed})
    return 3 if failed else 0


def import_(work: Work) -> int:
    """Take over existing descriptions."""
    from irstd_toolbox.text_priors.importing import import_descriptions
    if not work.args.source:
        raise ConfigError('--do import needs --source: a folder of descriptions, or a .jsonl file of id and text.')
    report = import_descriptions(
        work.args.source, work.ids, work.folder, suffix=work.args.suffix_told, overwrite=work.args.overwrite,
        uses_ground_truth=work.args.from_ground_truth, test_ids=work.test_ids, others=work.images,
        allow_ground_truth_on_test=work.args.allow_ground_truth_on_test)
    work.show(report.table(), report.to_dict())
    return report.status


def export(work: Work) -> int:
    """Write a LangIR data set."""
    from irstd_toolbox.text_priors.langir import export_langir
    if not work.args.to:
        raise ConfigError('--do export needs --to: the folder of the LangIR data set to make.')
    report = export_langir(work.images, work.masks, work.folder, work.splits, work.args.to, work.args.link)
    work.show(report.table(), report.to_dict())
    return 0


def detect(work: Work) -> int:
    """Ask a model for boxes, and score them against the masks."""
    from irstd_toolbox.text_priors.vlm.detection import detect
    from irstd_toolbox.text_priors.vlm.secrets import guard_logging
    provider, limits = work.model(), work.limits()
    guard_logging()
    work.confirm(len(work.ids))
    with hold(work.folder), Shown('detecting', len(work.ids)) as shown:
        report = detect(provider, work.ids, work.prepare, work.load_mask, run_dir(work.folder), limits, work.prices,
                        shown.advance)
    if report.run.stop:
        listed('stopped', {report.run.stop.kind: report.run.stop.message})
    listed('failed', report.run.failed)
    listed('rejected', report.run.rejected)
    work.show(report.table(), report.to_dict())
    return report.run.exit_code
