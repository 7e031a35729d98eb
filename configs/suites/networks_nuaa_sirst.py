"""Every baseline on NUAA-SIRST under its own recipe, and LGNet, beside what was published for it.

    python tools/benchmark.py --suite configs/suites/networks_nuaa_sirst.py --train

Left out are configs that need what is made or fetched first; add them behind the command. ssps_dnanet_nuaa_sirst.py
needs masks by tools/label_points.py, grounded_sam_nuaa_sirst.py pretrained weights, repisd_deploy_nuaa_sirst.py a
reparameterised checkpoint. LGNet's sentences are those of mask_caption, the paper's are not public.
"""

title = 'Networks and model-driven methods on NUAA-SIRST'


def reported(source: str, protocol: str, **figures: float) -> dict:
    return dict(source=source, protocol=protocol, dataset='NUAA-SIRST', **figures)


def paper(**figures: float) -> dict:
    return reported('LGNet paper, Table 5', 'not fully stated', **figures)


def basicirstd(**figures: float) -> dict:
    return reported('BasicIRSTD', 'native size, last epoch, split of 213 and 214 images', **figures)


def basicirstd_classical(**figures: float) -> dict:
    return reported('BasicIRSTD, README', 'native size, threshold not stated, split of 213 and 214 images', **figures)


def acm_pytorch(**figures: float) -> dict:
    return reported('acm-pytorch', '512x512', **figures)


def best_at_512(**figures: float) -> dict:
    return reported('its authors', '512x512, the best of each figure on the test images', **figures)


def best_at_256(**figures: float) -> dict:
    return reported('its authors', '256x256, weights that were best on the test images', **figures)


def dnanet(**figures: float) -> dict:
    return reported('its authors', '256x256, split in halves', **figures)


def rpcanet(**figures: float) -> dict:
    return reported('fengyiwu98/RPCANet', '256x256; Pd counts any overlap, Fa pixels', **figures)


entries = [
    dict(config='../lgnet_nuaa_sirst.py', name='LGNet', group='Networks', describe=dict(provider='mask_caption'),
         references=[paper(IoU=82.81, nIoU=84.65, Pd=99.85, Fa=1.46)]),
    dict(config='../baselines/acm_basicirstd_nuaa_sirst.py', name="ACM (BasicIRSTD's form)", group='Networks',
         references=[basicirstd(IoU=69.44, Pd=92.02, Fa=22.71)]),
    dict(config='../baselines/acm_fpn_nuaa_sirst.py', name='ACM-FPN', group='Networks',
         references=[acm_pytorch(IoU=69.54, nIoU=71.21), paper(IoU=71.57, nIoU=72.77, Pd=98.15, Fa=34.47)]),
    dict(config='../baselines/acm_fpn_bilocal_nuaa_sirst.py', name='ACM-FPN, BiLocal', group='Networks',
         references=[acm_pytorch(IoU=66.75, nIoU=66.99)]),
    dict(config='../baselines/acm_fpn_biglobal_nuaa_sirst.py', name='ACM-FPN, BiGlobal', group='Networks',
         references=[acm_pytorch(IoU=69.18, nIoU=70.10)]),
    dict(config='../baselines/acm_unet_nuaa_sirst.py', name='ACM-U-Net', group='Networks',
         references=[acm_pytorch(IoU=71.52, nIoU=72.81)]),
    dict(config='../baselines/acm_unet_bilocal_nuaa_sirst.py', name='ACM-U-Net, BiLocal', group='Networks',
         references=[acm_pytorch(IoU=64.02, nIoU=67.73)]),
    dict(config='../baselines/acm_unet_biglobal_nuaa_sirst.py', name='ACM-U-Net, BiGlobal', group='Networks',
         references=[acm_pytorch(IoU=69.59, nIoU=72.27)]),
    dict(config='../baselines/acm_tiny_nuaa_sirst.py', name='ACM-U-Net, full-size maps', group='Networks',
         references=[reported('open-acm', '480x480, best epoch over moving parts of the test list',
                              IoU=74.42)]),
    dict(config='../baselines/agpcnet_nuaa_sirst.py', name='AGPCNet', group='Networks',
         references=[paper(IoU=72.10, nIoU=70.24, Pd=80.73, Fa=7.23)]),
    dict(config='../baselines/alcnet_nuaa_sirst.py', name='ALCNet', group='Networks',
         references=[reported('open-alcnet', '480x480, best epoch over moving parts of the test list',
                              IoU=76.14),
                     paper(IoU=74.31, nIoU=73.12, Pd=97.34, Fa=20.21)]),
    dict(config='../baselines/askc_fpn_nuaa_sirst.py', name='ASKCResNetFPN', group='Networks',
         references=[basicirstd(IoU=61.05, Pd=87.07, Fa=55.98)]),
    dict(config='../baselines/dnanet_r10_nuaa_sirst.py', name='DNANet, ResNet-10', group='Networks',
         references=[dnanet(IoU=76.24, Pd=97.71, Fa=12.80)]),
    dict(config='../baselines/dnanet_r18_nuaa_sirst.py', name='DNANet, ResNet-18', group='Networks',
         references=[dnanet(IoU=77.47, Pd=98.48, Fa=2.353),
                     paper(IoU=77.47, nIoU=75.82, Pd=98.48, Fa=12.86),
                     basicirstd(IoU=74.82, Pd=93.54, Fa=38.28)]),
    dict(config='../baselines/dnanet_r34_nuaa_sirst.py', name='DNANet, ResNet-34', group='Networks',
         references=[dnanet(IoU=77.54, Pd=98.10, Fa=2.510)]),
    dict(config='../baselines/hdnet_nuaa_sirst.py', name='HDNet', group='Networks',
         references=[best_at_256(IoU=79.17, Pd=100, Fa=0.53)]),
    dict(config='../baselines/ilnet_l_nuaa_sirst.py', name='ILNet-L', group='Networks',
         references=[best_at_512(IoU=80.31, nIoU=78.22, Pd=100, Fa=1.33)]),
    dict(config='../baselines/ilnet_m_nuaa_sirst.py', name='ILNet-M', group='Networks',
         references=[best_at_512(IoU=79.57, nIoU=77.19, Pd=98.15, Fa=3.02)]),
    dict(config='../baselines/ilnet_s_nuaa_sirst.py', name='ILNet-S', group='Networks',
         references=[best_at_512(IoU=78.12, nIoU=76.42, Pd=99.07, Fa=5.50)]),
    dict(config='../baselines/isnet_nuaa_sirst.py', name='ISNet', group='Networks',
         references=[basicirstd(IoU=70.49, Pd=95.06, Fa=67.98)]),
    dict(config='../baselines/istdunet_nuaa_sirst.py', name='ISTDU-Net', group='Networks',
         references=[basicirstd(IoU=75.93, Pd=96.20, Fa=38.90)]),
    dict(config='../baselines/l2sknet_1d_fpn_nuaa_sirst.py', name='L2SKNet-FPN*', group='Networks'),
    dict(config='../baselines/l2sknet_1d_unet_nuaa_sirst.py', name='L2SKNet-UNet*', group='Networks'),
    dict(config='../baselines/l2sknet_fpn_nuaa_sirst.py', name='L2SKNet-FPN', group='Networks'),
    dict(config='../baselines/l2sknet_unet_nuaa_sirst.py', name='L2SKNet-UNet', group='Networks',
         references=[reported('ADGNet paper, Table 1, form not named', '256x256',
                              IoU=73.43, Pd=98.17, Fa=20.82)]),
    dict(config='../baselines/mdvsfa_nuaa_sirst.py', name='MDvsFA-cGAN', group='Networks',
         references=[paper(IoU=60.30, nIoU=58.26, Pd=89.35)]),
    dict(config='../baselines/mshnet_nuaa_sirst.py', name='MSHNet', group='Networks'),
    dict(config='../baselines/rdian_nuaa_sirst.py', name='RDIAN', group='Networks',
         references=[paper(IoU=68.98, Pd=96.33, Fa=29.63), basicirstd(IoU=70.74, Pd=95.06, Fa=48.16)]),
    dict(config='../baselines/repisd_nuaa_sirst.py', name='RepISD-Net', group='Networks',
         references=[reported('dalinlin-Wu/RepISD-Net', '256x256; Pd and Fa at a probability of 0.9',
                              IoU=77.81, Pd=100.00, Fa=4.22)]),
    dict(config='../baselines/resunet_nuaa_sirst.py', name='ResUNet', group='Networks'),
    dict(config='../baselines/rpcanet_nuaa_sirst.py', name='RPCANet', group='Networks',
         references=[rpcanet(IoU=70.37, F1=82.61, Pd=95.41, Fa=74.2)]),
    dict(config='../baselines/rpcanet_plus_s3_nuaa_sirst.py', name='RPCANet++ S3', group='Networks',
         references=[rpcanet(IoU=75.52, F1=86.06, Pd=100.0, Fa=87)]),
    dict(config='../baselines/rpcanet_plus_s6_nuaa_sirst.py', name='RPCANet++ S6', group='Networks',
         references=[rpcanet(IoU=74.76, F1=85.47, Pd=100.0, Fa=107.7)]),
    dict(config='../baselines/sctransnet_nuaa_sirst.py', name='SCTransNet', group='Networks',
         references=[reported('xdFai/SCTransNet', 'native size; trained on three data sets at once',
                              IoU=77.50, nIoU=81.08, Pd=96.95, Fa=13.92)]),
    dict(config='../baselines/uiunet_nuaa_sirst.py', name='UIU-Net', group='Networks',
         references=[paper(IoU=75.39, nIoU=74.67, Pd=97.25, Fa=42.41), basicirstd(IoU=77.53, Pd=92.40, Fa=9.33)]),
    dict(config='../baselines/unet_nuaa_sirst.py', name='U-Net', group='Networks'),
    dict(config='../baselines/aagd_nuaa_sirst.py', name='AAGD', group='Model-driven'),
    dict(config='../baselines/admd_nuaa_sirst.py', name='ADMD', group='Model-driven'),
    dict(config='../baselines/hb_mlcm_nuaa_sirst.py', name='HB-MLCM', group='Model-driven'),
    dict(config='../baselines/ilcm_nuaa_sirst.py', name='ILCM', group='Model-driven'),
    dict(config='../baselines/ipi_nuaa_sirst.py', name='IPI', group='Model-driven',
         references=[basicirstd_classical(IoU=25.67, Pd=85.55, Fa=11.5)]),
    dict(config='../baselines/lcm_nuaa_sirst.py', name='LCM', group='Model-driven'),
    dict(config='../baselines/lig_nuaa_sirst.py', name='LIG', group='Model-driven'),
    dict(config='../baselines/max_mean_nuaa_sirst.py', name='Max-mean', group='Model-driven'),
    dict(config='../baselines/max_median_nuaa_sirst.py', name='Max-median', group='Model-driven',
         references=[basicirstd_classical(IoU=1.17, Pd=30.20, Fa=55.3)]),
    dict(config='../baselines/mpcm_nuaa_sirst.py', name='MPCM', group='Model-driven',
         references=[basicirstd_classical(IoU=12.84, Pd=83.27, Fa=17.8)]),
    dict(config='../baselines/ms_log_nuaa_sirst.py', name='MSLoG', group='Model-driven'),
    dict(config='../baselines/nram_nuaa_sirst.py', name='NRAM', group='Model-driven',
         references=[basicirstd_classical(IoU=12.16)]),
    dict(config='../baselines/pstnn_nuaa_sirst.py', name='PSTNN', group='Model-driven',
         references=[basicirstd_classical(IoU=22.40, Pd=77.95, Fa=29.1)]),
    dict(config='../baselines/ript_nuaa_sirst.py', name='RIPT', group='Model-driven',
         references=[basicirstd_classical(IoU=11.05, Pd=79.08, Fa=22.6)]),
    dict(config='../baselines/rlcm_nuaa_sirst.py', name='RLCM', group='Model-driven',
         references=[basicirstd_classical(IoU=21.02, Pd=80.61, Fa=199.2)]),
    dict(config='../baselines/tllcm_nuaa_sirst.py', name='TLLCM', group='Model-driven',
         references=[basicirstd_classical(IoU=11.03, Pd=79.47, Fa=7.27)]),
    dict(config='../baselines/top_hat_nuaa_sirst.py', name='Top-Hat', group='Model-driven',
         references=[basicirstd_classical(IoU=7.14, Pd=79.84, Fa=1012)]),
    dict(config='../baselines/wslcm_nuaa_sirst.py', name='WSLCM', group='Model-driven',
         references=[basicirstd_classical(IoU=1.02, Pd=80.99, Fa=45846)]),
]
