"""The ablations of the LGNet paper, and ours, on IRSTD-1k with the paper's recipe: docs/ablations.md.

    python tools/benchmark.py --suite configs/suites/ablations_irstd1k.py --train --seeds 0 1 2

Sentences are made here, without a model or a key: mask_caption's unless an entry says otherwise. The paper's, by
GPT-4V, are not public, so its figures are of other sentences. Sentences by models: descriptions_irstd1k.py.
"""

title = "Ablations of LGNet's language prior on IRSTD-1k"


def paper(source: str, **figures: float) -> dict:
    return dict(source=f'LGNet paper, {source}', protocol='not fully stated', dataset='IRSTD-1k', **figures)


def caption(config: str, name: str, group: str, *references: dict, **more: object) -> dict:
    return dict(config=config, name=name, group=group, describe=dict(provider='mask_caption'),
                references=list(references), **more)


def at_test(config: str, name: str, group: str, *references: dict) -> dict:
    """Test images are described from their masks: the rows are marked as told the answer."""
    return dict(config=config, name=name, group=group, references=list(references),
                describe=dict(provider='mask_caption', options=['--allow-ground-truth-on-test']))


entries = [
    # Table 6. "+ fusion" has no figures in our notes of the paper. The last row is what all other groups differ from.
    dict(config='../ablations/lgnet_irstd1k_baseline.py', name='baseline', group='Table 6',
         references=[paper('Table 6', nIoU=67.89, Fa=4.09),
                     paper('Table 2, "never"', IoU=69.99, nIoU=67.79, Pd=94.61, Fa=6.43)]),
    dict(config='../ablations/lgnet_irstd1k_fusion.py', name='+ fusion', group='Table 6'),
    caption('../lgnet_irstd1k.py', 'LGNet (+ language fusion; text in training only)', 'Table 6',
            paper('Tables 2 and 4', IoU=73.30, nIoU=69.09, Pd=98.26, Fa=4.09)),

    # Table 2. The paper's "never" has the figures of its baseline without language; this one keeps the block.
    dict(config='../ablations/lgnet_irstd1k_text_never.py', name='text never', group='Table 2'),
    at_test('../ablations/lgnet_irstd1k_text_at_test.py', 'text in training and at test', 'Table 2',
            paper('Table 2', IoU=73.35, nIoU=69.23, Pd=98.36, Fa=3.89)),

    # How little a sentence may say.
    dict(config='../lgnet_irstd1k.py', name='quadrant of the largest target', group='Sec. 5.6.4',
         describe=dict(provider='quadrant'), references=[paper('Sec. 5.6.4', IoU=72.4, nIoU=68.1)]),
    dict(config='../lgnet_irstd1k.py', name='quadrants of all targets', group='Sec. 5.6.4',
         describe=dict(provider='quadrant', options=['--options', 'targets=all'])),

    # Ours: how the descriptor enters.
    caption('../ablations/lgnet_irstd1k_descriptor_addition.py', 'addition', 'Fusion of the descriptor'),
    caption('../ablations/lgnet_irstd1k_descriptor_concatenation.py', 'concatenation', 'Fusion of the descriptor'),
    caption('../ablations/lgnet_irstd1k_descriptor_gate.py', 'element-wise gate', 'Fusion of the descriptor'),
    caption('../ablations/lgnet_irstd1k_descriptor_film.py', 'FiLM', 'Fusion of the descriptor'),
    caption('../ablations/lgnet_irstd1k_descriptor_attention.py', 'cross-attention', 'Fusion of the descriptor'),
    caption('../ablations/lgnet_irstd1k_descriptor_attention.py', 'cross-attention without coordinates',
            'Fusion of the descriptor', options={'model.neck.language_fusion.coordinates': False}),

    # Ours: does the text matter at all?
    caption('../ablations/lgnet_irstd1k_text_shuffled.py', 'shuffled sentences', 'Controls'),
    caption('../ablations/lgnet_irstd1k_text_wrong.py', 'wrong sentences', 'Controls'),
    at_test('../ablations/lgnet_irstd1k_text_at_test_wrong.py', 'true in training, wrong at test', 'Controls'),

    # Ours: training meets what the test brings, images without a sentence.
    caption('../ablations/lgnet_irstd1k_text_dropout.py', 'half of the sentences left out', 'Text dropout'),
    caption('../ablations/lgnet_irstd1k_text_dropout.py', 'a quarter left out', 'Text dropout',
            options={'model.target_descriptor.text_dropout': 0.25}),

    # Ours: as ILNet trains. It differs from "+ fusion".
    dict(config='../ablations/lgnet_irstd1k_fusion_scaled.py', name='+ fusion; scaled, cut, blurred', group='Images'),
]
