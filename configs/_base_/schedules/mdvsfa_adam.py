"""MDvsFA-cGAN's three optimizers: Adam, 1e-4 for the generators, 1e-5 for the discriminator, a fifth in each third.

The paper's 30 epochs of 500 iterations over 10,000 patches are 15,000 iterations: 417 epochs of 36 on IRSTD-1k.
The public PyTorch code lowers the second generator's rate twice and the discriminator's never, by a slip of
names; here all three go down together, after thirds, there after the 9th, 19th and 29th of 30 epochs.
"""

epochs = 417
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=3)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
generator = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4, betas=(0.5, 0.999)))
optim_wrapper = dict(
    constructor='SeparateOptimizers',
    discriminator=dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-5, betas=(0.5, 0.999))),
    miss=dict(generator, part='network.miss'),
    alarm=dict(generator, part='network.alarm'))
param_scheduler = [dict(type='StepLR', step_size=139, gamma=0.2)]
recipe_pipeline = [
    dict(type='LoadImage'),
    dict(type='LoadTargetMask'),
    dict(type='RandomCrop', size=(128, 128)),
    dict(type='PackInputs'),
]
