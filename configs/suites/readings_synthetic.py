"""Each other reading of an unclear sentence of the LGNet paper, alone, on synthetic scenes; three seeds.

    python tools/benchmark.py --suite configs/suites/readings_synthetic.py --train --repeats 0

The readings are those of docs/lgnet.md, at reduced width, with an untrained stand-in for CLIP: what this shows is which
of them a small network trains as well by, not which one the authors mean.
"""

title = 'Readings of LGNet on synthetic scenes of 96x96'
seeds = [0, 1, 2]
datasets = [dict(name='synthetic', synthesize=[
    '--train', '200', '--test', '50', '--size', '96', '96', '--targets', '1', '2', '--snr', '10', '25',
    '--max-contrast', '2'])]


def reading(name: str, **options: object) -> dict:
    """An entry with options of the model, their dots written as two underscores."""
    return dict(config='../synthetic/lgnet.py', name=name, group='Readings', describe=dict(provider='mask_caption'),
                options={f'model.{key.replace("__", ".")}': value for key, value in options.items()})


def merged(how: str) -> dict:
    return {'neck__fusion__merge': how, 'neck__language_fusion__merge': how}


entries = [
    reading('as configured'),
    reading("PyTorch's initialisation of the head", decode_head__prior=None),
    reading('D6 at stride 16', neck__bottom_stride=16),
    reading('E5 brought to the size of D6', neck__align='down'),
    reading('sums widened by a convolution', **merged('expand')),
    reading('maps concatenated', **merged('concat')),
    reading('maps of the encoder alone', **merged('low')),
    reading('two groups', neck__language_fusion__grouping='two'),
    reading('one kernel for all pairs', neck__language_fusion__grouping='shared'),
    reading('a projection for each map', neck__language_fusion__shared_projection=False),
    reading('gates across channels', neck__fusion__conv='eca'),
    reading('all maps scaled', decode_head__scale_targets='all'),
    reading('scaled by features', decode_head__scale_from='features'),
    reading('heads of 3x3', decode_head__kernel_size=3),
    reading('supervised after scaling', decode_head__supervise='scaled'),
    reading('biases before batch norm', backbone__bias=True, neck__bias=True),
    reading('embeddings as CLIP gives them', target_descriptor__normalize=False),
]
