"""Tiny random GroundingDINO, MM-GroundingDINO, SAM and SAM 2, saved as a user's folders are."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from irstd_toolbox.models import GroundedSAM
from irstd_toolbox.registry import MODELS

TEXT = dict(model_type='bert', hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            vocab_size=1030, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
SWIN = dict(model_type='swin', image_size=64, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
            out_features=['stage2', 'stage3', 'stage4'], drop_path_rate=0.0)
DINO = dict(backbone_config=SWIN, text_config=TEXT, d_model=32, encoder_layers=1, decoder_layers=2, num_queries=12,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
            max_text_len=16, dropout=0.0, fusion_droppath=0.0, init_std=0.1)
PROMPT = dict(hidden_size=32, image_size=64, patch_size=16, image_embedding_size=4)
DECODER = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, mlp_dim=32, iou_head_hidden_dim=16)
# With its own initializer_range of 1e-10 the vision encoder would make every image look the same.
VIT = dict(hidden_size=16, output_channels=32, num_hidden_layers=1, num_attention_heads=2, image_size=64, patch_size=16,
           mlp_dim=16, num_pos_feats=16, window_size=2, global_attn_indexes=[0], initializer_range=0.3)
HIERA = dict(hidden_size=8, num_attention_heads=1, image_size=[64, 64], blocks_per_stage=[1, 2, 1, 1],
             initializer_range=0.3, embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1, 1, 2, 2],
             window_size_per_stage=[4, 4, 4, 4], window_positional_embedding_background_size=[4, 4],
             global_attention_blocks=[2])
HIERA_NECK = dict(backbone_config=dict(HIERA, model_type='sam2_hiera_det_model'), fpn_hidden_size=32,
                  backbone_channel_list=[64, 32, 16, 8], backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]])


def _tokenizer(folder: Path) -> None:
    from transformers import BertTokenizer
    # Marks and full stop have ids that the network takes for granted.
    fixed = {0: '[PAD]', 100: '[UNK]', 101: '[CLS]', 102: '[SEP]', 103: '[MASK]', 1012: '.', 1029: '?',
             200: 'infrared', 201: 'small', 202: 'target', 203: 'dim', 204: 'drone', 205: 'bird'}
    vocabulary = {fixed.get(i, f'[unused{i}]'): i for i in range(1030)}
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)


@pytest.fixture(scope='session')
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of save_pretrained by name: ``dino``, ``mm``, ``sam``, ``sam2``."""
    import transformers as library
    root = tmp_path_factory.mktemp('pretrained')
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = dict(
            dino=library.GroundingDinoForObjectDetection(library.GroundingDinoConfig(**copy.deepcopy(DINO))),
            mm=library.MMGroundingDinoForObjectDetection(library.MMGroundingDinoConfig(**copy.deepcopy(DINO))),
            sam=library.SamModel(library.SamConfig(
                vision_config=dict(VIT), prompt_encoder_config=dict(PROMPT), mask_decoder_config=dict(DECODER),
                initializer_range=0.3)),
            sam2=library.Sam2Model(library.Sam2Config(
                vision_config=copy.deepcopy(HIERA_NECK), mask_decoder_config=dict(DECODER), initializer_range=0.3,
                prompt_encoder_config={key: PROMPT[key] for key in ('hidden_size', 'image_size', 'patch_size')})))
        for name in ('dino', 'mm'):  # else every box is its anchor
            for parameter in networks[name].parameters():
                if parameter.ndim > 1 and not parameter.any():
                    torch.nn.init.normal_(parameter, std=0.1)
        torch.nn.init.constant_(networks['dino'].model.decoder.layer_norm.weight, 0.1)  # else every score is 0 or 1
    for name, network in networks.items():
        network.save_pretrained(root / name)
    for name in ('dino', 'mm'):
        _tokenizer(root / name)
    return {name: str(root / name) for name in networks}


@pytest.fixture(scope='session')
def config(folders: dict[str, str]) -> Callable[..., dict]:
    """``config(detector='dino', segmenter='sam', **options)``: a model's config, of names or of other folders."""
    def make(detector: str = 'dino', segmenter: str | None = 'sam', **options: object) -> dict:
        detector = dict(type='GroundingDetector', pretrained=folders.get(detector, detector), size=(64, 96))
        if segmenter:
            segmenter = dict(type='BoxSegmenter', pretrained=folders.get(segmenter, segmenter))
        losses = [dict(type='BCELoss'), dict(type='DiceLoss')] if segmenter else None
        return dict(dict(type='GroundedSAM', detector=detector, segmenter=segmenter, mask_loss=losses,
                         box_threshold=0.05), **options)
    return make


@pytest.fixture(scope='session')
def build(config: Callable[..., dict]) -> Callable[..., GroundedSAM]:
    """A loaded model of that config in test mode."""
    networks: dict[str, torch.nn.Module] = {}

    def make(*args: object, **options: object) -> GroundedSAM:
        model = MODELS.build(config(*args, **options))
        for part in filter(None, (model.detector, model.segmenter)):  # reading each folder once
            if part.pretrained not in networks:
                part.load()
                networks[part.pretrained] = part
            original = networks[part.pretrained]
            part.net, part.tokenizer = copy.deepcopy(original.net), getattr(original, 'tokenizer', None)
        model.load()
        return model.eval()
    return make


@pytest.fixture
def scene() -> Callable[..., torch.Tensor]:
    """``scene(seed, height, width)``: noise with a bright target, ``(1, H, W)``, 0..255."""
    def make(seed: int = 0, height: int = 48, width: int = 64) -> torch.Tensor:
        image = torch.rand(1, height, width, generator=torch.Generator().manual_seed(seed)) * 100
        image[:, 10:13, 20 + seed:24 + seed] = 240
        return image
    return make
