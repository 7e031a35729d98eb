"""LGNet on IRSTD-1k with sentences by vision-language models: who wrote them, and how they were asked.

Each entry reads a folder of descriptions of the training images, which tools/annotate.py writes once, with a key or a
model: docs/ablations.md has the command of each. Folders lie in $IRSTD_DESCRIPTIONS, or below the data set. An entry
whose folder is missing is not trained; its row says which folder was looked for.

    python tools/benchmark.py --suite configs/suites/descriptions_irstd1k.py --train --seeds 0 1 2
"""

title = 'LGNet on IRSTD-1k by who describes the images'


def told(name: str, group: str, place: str, **figures: float) -> dict:
    source = dict(source=f'LGNet paper, {group}', protocol='not fully stated', dataset='IRSTD-1k')
    return dict(config='../lgnet_irstd1k.py', name=name, group=group,
                options={'train_dataloader.dataset.description_dir': '{{$IRSTD_DESCRIPTIONS:.}}/' + place},
                references=[dict(source, **figures)] if figures else [])


entries = [
    # The paper's GPT-4V was shut down in 2024; which Claude it asked is not in our notes.
    told('by OpenAI (paper: GPT-4V)', 'Table 3', 'descriptions_openai', IoU=73.30, nIoU=69.09, Pd=98.26, Fa=4.09),
    told('by Anthropic (paper: Claude)', 'Table 3', 'descriptions_anthropic', IoU=73.2, nIoU=68.7),
    told('by a local model', 'Table 3', 'descriptions_local'),

    # As the first one, asked in other words: by default a role, a task, within 50 words, "target".
    told('zero-shot prompt', 'Sec. 5.3.2', 'descriptions_zero_shot'),
    told('few-shot prompt', 'Sec. 5.3.2', 'descriptions_few_shot'),
    told('no limit of words', 'Sec. 5.6.5', 'descriptions_no_limit'),
    told('"targets" for "target"', 'Sec. 5.6.6', 'descriptions_targets'),
]
