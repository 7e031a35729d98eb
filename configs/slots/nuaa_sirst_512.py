r"""LGNet without language on scaled images by two losses of its final map, in one slot of a GPU: docs/results.md.

    python tools/slots.py pack configs/slots/nuaa_sirst_512.py --results work_dirs/slots_gpu4/nuaa_sirst \
        --out work_dirs/slots_gpu4/nuaa_sirst_boxes --wheels wheels

For --at-once 2 beside configs/slots/irstd1k_512.py; each ends its schedule with its minutes.
"""

data = {'NUAA-SIRST': '{{$IRSTD_DATA_ROOT:data}}/NUAA-SIRST'}


def run(name: str, *options: str) -> dict:
    fast = ['channels_last=True', 'train_dataloader.dataset.in_memory=True', 'val_dataloader.dataset.in_memory=True',
            'train_cfg.val_interval=10']
    return dict(name=name, config='configs/ablations/lgnet_nuaa_sirst_fusion_scaled.py', minutes=9.0,
                options=[*fast, *options], train=['--amp', 'bf16', '--anneal'],
                test=['--protocol', 'canonical', 'lgnet'])


runs = [
    run('final_map', 'model.supervision=final'),
    run('final_map_soft_iou', 'model.supervision=final', 'model.loss.type=SoftIoULoss'),
]
