"""The small CLIP of small_clip_synthetic.py trained further on the sentences of IRSTD-1k's training images.

As small_clip_nuaa_sirst.py; its weights go to $IRSTD_SMALL_CLIP/irstd1k.
"""

_base_ = './small_clip_nuaa_sirst.py'

data_root = '{{$IRSTD_DATA_ROOT:data}}/IRSTD-1k'
own = dict(name='IRSTD-1k', data_root=data_root)
told = dict(own, description_dir='{{$IRSTD_SMALL_CLIP:work_dirs/small_clip}}/irstd1k_descriptions')
train_dataloader = dict(dataset=told)
val_dataloader = dict(dataset=told)
test_dataloader = dict(dataset=own)
