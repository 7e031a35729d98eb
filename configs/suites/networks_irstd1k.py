"""Every baseline on IRSTD-1k under its own recipe, and LGNet, beside what was published for it.

    python tools/benchmark.py --suite configs/suites/networks_irstd1k.py --train

Left out are configs that need what is made or fetched first; add them behind the command. ssps_dnanet_irstd1k.py
needs masks by tools/label_points.py, grounded_sam_irstd1k.py pretrained weights, repisd_deploy_irstd1k.py a
reparameterised checkpoint. LGNet's sentences are those of mask_caption, the paper's are not public.
"""

title = 'Networks and model-driven methods on IRSTD-1k'


def reported(source: str, protocol: str, **figures: float) -> dict:
    return dict(source=source, protocol=protocol, dataset='IRSTD-1k', **figures)


def paper(**figures: float) -> dict:
    return reported('LGNet paper, Table 4', 'not fully stated', **figures)


def basicirstd(**figures: float) -> dict:
    return reported('BasicIRSTD', 'native size, last epoch', **figures)


def basicirstd_classical(**figures: float) -> dict:
    return reported('BasicIRSTD, README', 'native size, threshold not stated', **figures)


def best_at_512(**figures: float) -> dict:
    return reported('its authors', '512x512, the best of each figure on the test images', **figures)


def best_at_256(**figures: float) -> dict:
    return reported('its authors', '256x256, weights that were best on the test images', **figures)


def rpcanet(**figures: float) -> dict:
    return reported('fengyiwu98/RPCANet', '256x256; Pd counts any overlap, Fa pixels', **figures)


entries = [
    dict(config='../lgnet_irstd1k.py', name='LGNet', group='Networks', describe=dict(provider='mask_caption'),
         references=[paper(IoU=73.30, nIoU=69.09, Pd=98.26, Fa=4.09)]),
    dict(config='../baselines/acm_basicirstd_irstd1k.py', name="ACM (BasicIRSTD's form)", group='Networks',
         references=[basicirstd(IoU=60.33, Pd=93.27, Fa=68.49)]),
    dict(config='../baselines/acm_fpn_irstd1k.py', name='ACM-FPN', group='Networks',
         references=[paper(IoU=58.43, nIoU=54.34, Pd=89.23, Fa=23.57)]),
    dict(config='../baselines/acm_fpn_bilocal_irstd1k.py', name='ACM-FPN, BiLocal', group='Networks'),
    dict(config='../baselines/acm_fpn_biglobal_irstd1k.py', name='ACM-FPN, BiGlobal', group='Networks'),
    dict(config='../baselines/acm_unet_irstd1k.py', name='ACM-U-Net', group='Networks',
         references=[paper(IoU=58.43, nIoU=54.34, Pd=89.23, Fa=23.57)]),
    dict(config='../baselines/acm_unet_bilocal_irstd1k.py', name='ACM-U-Net, BiLocal', group='Networks'),
    dict(config='../baselines/acm_unet_biglobal_irstd1k.py', name='ACM-U-Net, BiGlobal', group='Networks'),
    dict(config='../baselines/acm_tiny_irstd1k.py', name='ACM-U-Net, full-size maps', group='Networks'),
    dict(config='../baselines/acm_fpn_language_irstd1k.py', name='ACM-FPN with language', group='Networks',
         describe=dict(provider='mask_caption')),
    dict(config='../baselines/agpcnet_irstd1k.py', name='AGPCNet', group='Networks',
         references=[paper(IoU=57.03, nIoU=52.55, Pd=88.55, Fa=16.28)]),
    dict(config='../baselines/alcnet_irstd1k.py', name='ALCNet', group='Networks'),
    dict(config='../baselines/askc_fpn_irstd1k.py', name='ASKCResNetFPN', group='Networks',
         references=[basicirstd(IoU=58.09, Pd=92.93, Fa=74.45)]),
    dict(config='../baselines/dnanet_language_irstd1k.py', name='DNANet with language', group='Networks',
         describe=dict(provider='mask_caption')),
    dict(config='../baselines/dnanet_r10_irstd1k.py', name='DNANet, ResNet-10', group='Networks'),
    dict(config='../baselines/dnanet_r18_irstd1k.py', name='DNANet, ResNet-18', group='Networks',
         references=[paper(IoU=64.29, nIoU=63.47, Pd=95.29, Fa=19.78), basicirstd(IoU=65.74, Pd=89.56, Fa=12.34)]),
    dict(config='../baselines/dnanet_r34_irstd1k.py', name='DNANet, ResNet-34', group='Networks'),
    dict(config='../baselines/hdnet_irstd1k.py', name='HDNet', group='Networks',
         references=[best_at_256(IoU=70.26, Pd=94.56, Fa=4.33)]),
    dict(config='../baselines/ilnet_l_irstd1k.py', name='ILNet-L', group='Networks',
         references=[best_at_512(IoU=70.15, nIoU=68.91, Pd=95.29, Fa=3.23)]),
    dict(config='../baselines/ilnet_m_irstd1k.py', name='ILNet-M', group='Networks',
         references=[best_at_512(IoU=67.86, nIoU=68.40, Pd=94.61, Fa=5.09)]),
    dict(config='../baselines/ilnet_s_irstd1k.py', name='ILNet-S', group='Networks',
         references=[best_at_512(IoU=66.01, nIoU=64.78, Pd=93.27, Fa=5.26)]),
    dict(config='../baselines/isnet_irstd1k.py', name='ISNet', group='Networks',
         references=[paper(IoU=68.77, nIoU=64.84, Pd=95.56, Fa=15.39), basicirstd(IoU=61.85, Pd=90.24, Fa=31.56)]),
    dict(config='../baselines/istdunet_irstd1k.py', name='ISTDU-Net', group='Networks',
         references=[basicirstd(IoU=65.01, Pd=93.94, Fa=26.44)]),
    dict(config='../baselines/l2sknet_1d_fpn_irstd1k.py', name='L2SKNet-FPN*', group='Networks'),
    dict(config='../baselines/l2sknet_1d_unet_irstd1k.py', name='L2SKNet-UNet*', group='Networks'),
    dict(config='../baselines/l2sknet_fpn_irstd1k.py', name='L2SKNet-FPN', group='Networks'),
    dict(config='../baselines/l2sknet_unet_irstd1k.py', name='L2SKNet-UNet', group='Networks',
         references=[reported('ADGNet paper, Table 1, form not named', '256x256',
                              IoU=67.81, Pd=90.24, Fa=17.46)]),
    dict(config='../baselines/mdvsfa_irstd1k.py', name='MDvsFA-cGAN', group='Networks',
         references=[paper(IoU=49.50, nIoU=47.41, Pd=82.11, Fa=80.33)]),
    dict(config='../baselines/mshnet_irstd1k.py', name='MSHNet', group='Networks',
         references=[best_at_256(IoU=67.16, Pd=93.88, Fa=15.03)]),
    dict(config='../baselines/rdian_irstd1k.py', name='RDIAN', group='Networks',
         references=[paper(IoU=58.85, Pd=90.48, Fa=17.76), basicirstd(IoU=59.94, Pd=87.21, Fa=33.31)]),
    dict(config='../baselines/repisd_irstd1k.py', name='RepISD-Net', group='Networks',
         references=[reported('dalinlin-Wu/RepISD-Net', '256x256; Pd and Fa at a probability of 0.9',
                              IoU=65.45, Pd=91.59, Fa=7.62)]),
    dict(config='../baselines/resunet_irstd1k.py', name='ResUNet', group='Networks'),
    dict(config='../baselines/rpcanet_irstd1k.py', name='RPCANet', group='Networks',
         references=[rpcanet(IoU=63.21, F1=77.45, Pd=88.31, Fa=43.9)]),
    dict(config='../baselines/rpcanet_plus_s3_irstd1k.py', name='RPCANet++ S3', group='Networks',
         references=[rpcanet(IoU=64.40, F1=78.34, Pd=92.78, Fa=55.6)]),
    dict(config='../baselines/rpcanet_plus_s6_irstd1k.py', name='RPCANet++ S6', group='Networks',
         references=[rpcanet(IoU=64.93, F1=78.73, Pd=89.70, Fa=43.5)]),
    dict(config='../baselines/sctransnet_irstd1k.py', name='SCTransNet', group='Networks',
         references=[reported('xdFai/SCTransNet', 'native size; trained on three data sets at once',
                              IoU=68.03, nIoU=68.15, Pd=93.27, Fa=10.74)]),
    dict(config='../baselines/uiunet_irstd1k.py', name='UIU-Net', group='Networks',
         references=[paper(IoU=66.64, nIoU=60.20, Pd=89.23, Fa=16.02), basicirstd(IoU=65.69)]),
    dict(config='../baselines/unet_irstd1k.py', name='U-Net', group='Networks'),
    dict(config='../baselines/aagd_irstd1k.py', name='AAGD', group='Model-driven'),
    dict(config='../baselines/admd_irstd1k.py', name='ADMD', group='Model-driven'),
    dict(config='../baselines/hb_mlcm_irstd1k.py', name='HB-MLCM', group='Model-driven'),
    dict(config='../baselines/ilcm_irstd1k.py', name='ILCM', group='Model-driven'),
    dict(config='../baselines/ipi_irstd1k.py', name='IPI', group='Model-driven',
         references=[basicirstd_classical(IoU=27.92, Pd=81.37, Fa=16.2)]),
    dict(config='../baselines/lcm_irstd1k.py', name='LCM', group='Model-driven'),
    dict(config='../baselines/lig_irstd1k.py', name='LIG', group='Model-driven'),
    dict(config='../baselines/max_mean_irstd1k.py', name='Max-mean', group='Model-driven'),
    dict(config='../baselines/max_median_irstd1k.py', name='Max-median', group='Model-driven'),
    dict(config='../baselines/mpcm_irstd1k.py', name='MPCM', group='Model-driven',
         references=[basicirstd_classical(IoU=7.33, Pd=60.27, Fa=15.2)]),
    dict(config='../baselines/ms_log_irstd1k.py', name='MSLoG', group='Model-driven'),
    dict(config='../baselines/nram_irstd1k.py', name='NRAM', group='Model-driven'),
    dict(config='../baselines/pstnn_irstd1k.py', name='PSTNN', group='Model-driven',
         references=[basicirstd_classical(IoU=24.57, Pd=71.99, Fa=35.3)]),
    dict(config='../baselines/ript_irstd1k.py', name='RIPT', group='Model-driven',
         references=[basicirstd_classical(IoU=14.11, Pd=77.55, Fa=28.3)]),
    dict(config='../baselines/rlcm_irstd1k.py', name='RLCM', group='Model-driven'),
    dict(config='../baselines/tllcm_irstd1k.py', name='TLLCM', group='Model-driven',
         references=[basicirstd_classical(IoU=5.36, Pd=63.97, Fa=4.93)]),
    dict(config='../baselines/top_hat_irstd1k.py', name='Top-Hat', group='Model-driven',
         references=[basicirstd_classical(IoU=10.06, Pd=75.11, Fa=1432)]),
    dict(config='../baselines/wslcm_irstd1k.py', name='WSLCM', group='Model-driven'),
]
