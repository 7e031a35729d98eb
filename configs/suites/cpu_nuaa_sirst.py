"""LGNet without language, ACM and ILNet on NUAA-SIRST as far as a CPU can train them, and formulas beside them.

The weights of one seed each of ACM and ILNet are in the repository, LGNet and the other seeds are trained before, as
docs/results.md says; then:

    python tools/benchmark.py --suite configs/suites/cpu_nuaa_sirst.py

LGNet: windows of 128x128 at the size of the file, 60 epochs around targets and 12 anywhere, 96 and 16 minutes beside
other work. ACM: its own recipe, crops of 480, three seeds; FPN 54 epochs, the first in 62 minutes; U-Net 40 epochs.
ILNet-S: 60 epochs around targets, then 12 on windows of 256x256, three seeds of each.
"""

title = 'NUAA-SIRST on a CPU'
protocols = ['canonical', 'lgnet', 'basicirstd']
entries = [
    dict(config='../cpu/lgnet_fusion_nuaa_sirst_128_anywhere.py', name='LGNet without language, windows of 128',
         checkpoint='../../work_dirs/lgnet_fusion_nuaa_sirst_128_anywhere.safetensors'),
    dict(config='../cpu/acm_fpn_nuaa_sirst.py', name='ACM-FPN, crops of 480, 54 epochs',
         checkpoint=['../../work_dirs/acm_fpn_cpu_0.safetensors', '../cpu/acm_fpn_nuaa_sirst.safetensors',
                     '../../work_dirs/acm_fpn_cpu_2.safetensors']),
    dict(config='../cpu/acm_unet_nuaa_sirst.py', name='ACM-U-Net, crops of 480, 40 epochs',
         checkpoint=[f'../../work_dirs/acm_unet_cpu_{seed}.safetensors' for seed in range(3)]),
    dict(config='../cpu/ilnet_s_nuaa_sirst_128.py', name='ILNet-S, windows of 128 around targets',
         checkpoint=[f'../../work_dirs/ilnet_s_128_{seed}.safetensors' for seed in range(3)]),
    dict(config='../cpu/ilnet_s_nuaa_sirst_256.py', name='ILNet-S, then windows of 256',
         checkpoint=[*(f'../../work_dirs/ilnet_s_256_{seed}.safetensors' for seed in range(2)),
                     '../cpu/ilnet_s_nuaa_sirst_256.safetensors']),
    dict(config='../baselines/top_hat_nuaa_sirst.py', name='Top-Hat'),
    dict(config='../baselines/pstnn_nuaa_sirst.py', name='PSTNN'),
]
