"""MDvsFA-cGAN: both generators and the discriminator; one grey channel in -1..1."""

model = dict(
    type='MDvsFA',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=127.5, std=127.5, channels=1),
    network=dict(type='MDvsFAGenerators'),
    discriminator=dict(type='MDvsFADiscriminator'))
