"""GroundingDINO (Swin-T) and SAM (ViT-B) by their tags; text tower and SAM's image and prompt encoders frozen.

`model.detector.pretrained` takes an MM-GroundingDINO as well, `model.segmenter.pretrained` a SAM 2: tags of the hub, or
folders that `save_pretrained` wrote. See docs/grounded_sam.md.
"""

model = dict(
    type='GroundedSAM',
    detector=dict(type='GroundingDetector', pretrained='IDEA-Research/grounding-dino-tiny', size=(800, 1333)),
    segmenter=dict(type='BoxSegmenter', pretrained='facebook/sam-vit-base'),
    prompt='infrared small target.',
    freeze=('text', 'sam_image', 'sam_prompt'),
    box_loss=dict(type='BoxSetLoss'),
    mask_loss=[dict(type='BCELoss'), dict(type='DiceLoss')],
    data_preprocessor=dict(type='IRSTDDataPreprocessor', channels=1))
