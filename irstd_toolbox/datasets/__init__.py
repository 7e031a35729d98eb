"""Data sets on disk, their images and masks, and the transforms of a sample.

Empty on purpose: :mod:`.imaging`, :mod:`.catalog`, :mod:`.splits` and :mod:`.layouts` need neither torch nor
mmengine, and importing them must not bring either in. The registries find the components in :mod:`.dataset` and
:mod:`.transforms`.
"""
