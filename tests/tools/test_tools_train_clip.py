"""Fine-tuning CLIP by tools/train.py: what is learned on scenes that were held out, and the file that comes out."""

import csv
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from safetensors import safe_open
from scipy.ndimage import gaussian_filter

from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.models import ContrastiveCLIP, OpenCLIPEncoder, TargetDescriptor
from irstd_toolbox.registry import MODELS
from irstd_toolbox.text_priors import Scene
from irstd_toolbox.text_priors.quadrant import QuadrantProvider
from irstd_toolbox.training.checkpoint import load_weights, read_checkpoint
from irstd_toolbox.training.clip_hooks import ExportCLIPHook, StartValidationHook
from irstd_toolbox.training.stamp import stamp_of

ROOT = Path(__file__).resolve().parents[2]
CONFIG = f'''
_base_ = {str(ROOT / 'configs/clip/finetune_clip_demo.py')!r}
model = dict(encoder=dict(model=dict(vision_cfg=dict(width=4), text_cfg=dict(context_length=20, width=16))))
train_dataloader = dict(batch_size=16, num_workers=0, dataset=dict(data_root='ROOT'))
val_dataloader = dict(num_workers=0, dataset=dict(data_root='ROOT'))
test_dataloader = dict(num_workers=0, dataset=dict(data_root='ROOT'))
train_cfg = dict(max_epochs=16, val_interval=16)
default_hooks = dict(checkpoint=dict(interval=16))
visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])
'''
VIT = dict(
    embed_dim=16, vision_cfg=dict(image_size=64, layers=2, width=32, patch_size=32, head_width=16),
    text_cfg=dict(context_length=20, vocab_size=49408, width=32, heads=2, layers=2))


def write_scenes(root: Path, count: int) -> None:
    """Clouds of noise with one bright target each, and the sentence that names its quadrant."""
    rng, provider = np.random.default_rng(0), QuadrantProvider()
    for folder in ('images', 'masks', 'descriptions'):
        (root / folder).mkdir(parents=True)
    for number in range(count):
        clouds = gaussian_filter(rng.normal(size=(64, 64)), 4)
        image = 90 + 15 * clouds / clouds.std() + rng.normal(0, 3, (64, 64))
        mask = np.zeros((64, 64), np.uint8)
        row, column = rng.integers(2, 58, 2)
        mask[row:row + 4, column:column + 4] = 1
        image = np.clip(image + 120 * mask, 0, 255).astype(np.float32)
        name = f'scene_{number}'
        cv2.imwrite(str(root / 'images' / f'{name}.png'), image.astype(np.uint8))
        cv2.imwrite(str(root / 'masks' / f'{name}.png'), mask * 255)
        (root / 'descriptions' / f'{name}.description.txt').write_text(provider.describe(Scene(image, mask, name)))
    (root / 'trainval.txt').write_text(''.join(f'scene_{i}\n' for i in range(count - 1)))
    (root / 'test.txt').write_text(f'scene_{count - 1}\n')


@pytest.fixture(scope='module')
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's config over 240 scenes, of which a fifth is held out."""
    folder = tmp_path_factory.mktemp('clip')
    write_scenes(folder / 'data', 241)
    (folder / 'clip.py').write_text(CONFIG.replace('ROOT', str(folder / 'data')))
    return folder / 'clip.py'


@pytest.fixture(scope='module')
def trained(config: Path, load_tool: Callable[[str], ModuleType]) -> Path:
    """The work folder of 192 iterations. Read only."""
    load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run')])
    return config.parent / 'run'


def rebuilt(config: Path, checkpoint: Path) -> ContrastiveCLIP:
    with DefaultScope.overwrite_default_scope('irstd_toolbox'), warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='.*untrained stand-in')
        model = MODELS.build(Config.fromfile(config).model)
    load_weights(model, checkpoint)
    return model.eval().requires_grad_(False)  # torch adds up in another order where a gradient may be asked for


def validations(work_dir: Path) -> list[dict[str, str]]:
    with (work_dir / 'val.csv').open(newline='') as file:
        return list(csv.DictReader(file))


def test_recall_on_held_out_scenes_rises_far_above_chance(trained: Path):
    before, after = validations(trained)
    assert (before['epoch'], after['epoch'], after['clip/sentences']) == ('0', '16', '4')
    chance = float(after['clip/image_to_text_chance_R1'])
    assert chance == 0.25 and float(before['clip/image_to_text_R1']) < chance + 0.2
    assert float(after['clip/image_to_text_R1']) > chance + 0.35
    assert float(after['clip/text_to_image_R1']) >= 0.75


def test_the_training_leaves_one_file_of_the_best_weights(trained: Path):
    names = {path.name for path in trained.iterdir()}
    assert {'clip.safetensors', 'best.pth', 'best_clip_mean_recall_epoch_16.pth'} <= names
    assert not [name for name in names if 'part' in name]
    with safe_open(trained / 'clip.safetensors', 'pt') as file:
        about, keys = json.loads(file.metadata()['irstd_toolbox']), set(file.keys())
        assert all(file.get_tensor(key).equal(value) for key, value in clip_of(trained / 'best.pth').items())
    assert keys == set(clip_of(trained / 'best.pth'))
    assert about['selection'] == dict(on='holdout', metric='clip/mean_recall', protocol=None, images=48)
    assert (about['epoch'], about['checkpoint']) == (16, 'best_clip_mean_recall_epoch_16.pth')
    assert stamp_of(read_checkpoint(trained / 'best.pth')['meta'])['selection'] == about['selection']


def clip_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    return {name.removeprefix('encoder.clip.'): value
            for name, value in read_checkpoint(checkpoint)['state_dict'].items()}


def test_the_file_gives_a_target_descriptor_the_trained_embeddings_bit_for_bit(trained: Path, config: Path):
    model = rebuilt(config, trained / 'best.pth')
    encoder = dict(Config.fromfile(config).model.encoder, pretrained=str(trained / 'clip.safetensors'))
    scenes = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    words = ['The small target lies in the upper-left quadrant of the infrared image.', 'Two targets.', 'One.']
    with torch.no_grad():
        images, texts = model.encoder.encode_images(scenes), model.encoder.encode_texts(words)
        alone = TargetDescriptor(encoder, text='never', cache_dir=None).eval()(list(scenes), words)
        both = TargetDescriptor(encoder, text='train_and_test', cache_dir=None).eval()(list(scenes), words)
        trainable = TargetDescriptor(encoder, text='never', frozen=False).eval()
        trainable.init_weights()
    assert alone.equal(images) and both.equal(images + texts)
    assert all(value.equal(model.encoder.clip.state_dict()[name])
               for name, value in trainable.encoder.clip.state_dict().items())


@pytest.mark.parametrize(('changes', 'match'), [
    (dict(quick_gelu=True), 'was trained with config .* the encoder has .*Give the encoder the model='),
    (None, r'was trained with mean \[0.48.*, and the encoder has \[0.5, 0.5, 0.5\].*Give the encoder the mean='),
], ids=['activation', 'normalisation'])
def test_the_file_refuses_an_encoder_that_would_read_it_wrongly(trained: Path, config: Path, changes, match):
    encoder = Config.fromfile(config).model.encoder.to_dict()
    mean = [0.5, 0.5, 0.5] if changes is None else None
    reader = OpenCLIPEncoder({**encoder['model'], **(changes or {})}, str(trained / 'clip.safetensors'), mean=mean)
    with pytest.raises(CheckpointError, match=match):
        reader.load()


def test_the_last_block_alone_is_trained_and_exported(config: Path, load_tool: Callable[[str], ModuleType],
                                                      capsys: pytest.CaptureFixture):
    own = config.with_name('last_block.py')
    own.write_text(f"_base_ = './clip.py'\n"
                   f"model = dict(encoder=dict(model=dict(_delete_=True, **{VIT!r})), unfreeze=1)\n"
                   "custom_hooks = [dict(type='ExportCLIPHook', which='last', name='tuned.safetensors')]\n"
                   "train_cfg = dict(max_epochs=1)\ndefault_hooks = dict(checkpoint=dict(interval=1))\n")
    work_dir = config.parent / 'last_block'
    load_tool('train').main([str(own), '--work-dir', str(work_dir), '--cfg-options', 'param_scheduler=None',
                             'train_dataloader.dataset.indices=32'])
    assert f'{work_dir}/tuned.safetensors: CLIP of epoch_1.pth' in capsys.readouterr().out
    with pytest.warns(UserWarning, match='untrained'):
        start = OpenCLIPEncoder(VIT, 'random')
    start.load()
    tuned = OpenCLIPEncoder(VIT, str(work_dir / 'tuned.safetensors'))
    tuned.load()
    before = start.clip.state_dict()
    changed = {name for name, value in tuned.clip.state_dict().items() if not value.equal(before[name])}
    assert changed == {name for name in changed if '.resblocks.1.' in name or name.startswith(
        ('visual.ln_post', 'visual.proj', 'ln_final', 'text_projection', 'logit_scale'))}
    assert len(changed) == 2 * 12 + 2 * 3 + 1


def test_missing_weights_show_before_anything_is_written(config: Path, load_tool: Callable[[str], ModuleType]):
    work_dir = config.parent / 'missing'
    with pytest.raises(CheckpointError, match='absent.pt are not there'):
        load_tool('train').main([str(config), '--work-dir', str(work_dir), '--cfg-options',
                                 f'model.encoder.pretrained={config.parent / "absent.pt"}'])
    assert not work_dir.exists()


def runner(model: object, **attributes) -> SimpleNamespace:
    return SimpleNamespace(**{**dict(model=model, hooks=[], val_loop=None, iter=0), **attributes})


@pytest.mark.parametrize(('arguments', 'match'), [
    (dict(which='first'), "Choose 'best' or 'last'"), (dict(name='clip.pth'), 'ending in .safetensors')], ids=str)
def test_an_export_that_cannot_be_is_refused_when_it_is_built(arguments, match):
    with pytest.raises(ConfigError, match=match):
        ExportCLIPHook(**arguments)


def test_an_export_of_another_model_is_refused_before_training():
    with pytest.raises(ConfigError, match='the model is a Linear. Take the hook out'):
        ExportCLIPHook().before_train(runner(torch.nn.Linear(1, 1)))


def test_an_export_of_the_best_needs_a_validation():
    model = SimpleNamespace(encoder=SimpleNamespace(clip=None, identity={}))
    with pytest.raises(ConfigError, match="give it save_best='clip/mean_recall'.*which='last'"):
        ExportCLIPHook().before_train(runner(model))


def test_a_resumed_run_does_not_repeat_the_first_validation():
    runs = []
    loop = SimpleNamespace(run=lambda: runs.append(1))
    for iteration in (0, 7):
        StartValidationHook().before_train(runner(None, val_loop=loop, iter=iteration))
    assert runs == [1]
