"""LGNet without language on IRSTD-1k after a slot of a GPU that several trainings shared.

Trained before, in the slot, as docs/results.md says; then:

    python tools/benchmark.py --suite configs/suites/gpu_irstd1k.py
"""

title = 'IRSTD-1k, a slot of a GPU'
protocols = ['canonical', 'lgnet']

entries = [
    dict(config='../ablations/lgnet_irstd1k_fusion.py', name='LGNet without language, 23 epochs',
         checkpoint='../../work_dirs/slots_gpu2/results/lgnet_irstd1k', options={'channels_last': True}),
    dict(config='../baselines/top_hat_irstd1k.py', name='Top-Hat'),
    dict(config='../baselines/pstnn_irstd1k.py', name='PSTNN'),
]
