"""The weights that the repository holds: their hash, their origin, and that they find targets on a fresh clone."""

import json
from pathlib import Path

import numpy as np
import pytest

from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.evaluation.protocols import get
from irstd_toolbox.inference import Predictor
from irstd_toolbox.training.checkpoint import file_sha256, read_checkpoint

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
PUBLISHED = sorted(CONFIGS.rglob('*.safetensors'))


@pytest.fixture(scope='module', params=PUBLISHED, ids=lambda path: path.stem)
def weights(request):
    return request.param


@pytest.fixture(scope='module')
def predictor(weights):
    return Predictor(weights.with_suffix('.py'), weights, 'cpu')


def test_there_are_some():
    assert [path.stem for path in PUBLISHED] == [
        'acm_fpn_irstd1k_transfer', 'acm_fpn_nuaa_sirst', 'ilnet_s_irstd1k_transfer', 'ilnet_s_nuaa_sirst_256',
        'lgnet_irstd1k_transfer_384_again', 'alcnet_irstd1k', 'alcnet_nuaa_sirst', 'lgnet_scaled_nuaa_sirst']


def test_the_readme_names_each(weights):
    assert f'`{weights.relative_to(CONFIGS).with_suffix("")}`' in (CONFIGS.parent / 'README.md').read_text()


def test_they_are_what_their_document_and_their_result_say(weights):
    about = json.loads(weights.with_suffix('.json').read_text())
    result = json.loads(weights.with_suffix('.results.json').read_text())
    assert weights.stat().st_size == about['bytes'] <= 16 * 2 ** 20
    assert about['sha256'] == result['checkpoint']['sha256'] == file_sha256(weights)
    selection = read_checkpoint(weights)['meta']['irstd_toolbox']['selection']
    assert selection == result['checkpoint']['selection'] and selection['on'] == 'holdout'
    for name, rules in result['fingerprint']['protocols'].items():
        assert get(name).fingerprint() == rules['sha256'], f'{name} has other rules now: test the weights anew'


def test_they_find_a_target_in_a_scene_that_they_never_saw(predictor):
    rows, columns = np.mgrid[:200, :240]
    scene = 90 + 25 * np.sin(columns / 40) + np.random.default_rng(0).normal(0, 2, (200, 240))
    scene += 90 * np.exp(-((rows - 61) ** 2 + (columns - 150) ** 2) / (2 * 1.5 ** 2))
    target, = predictor.predict(scene.clip(0, 255).astype(np.uint8)).targets
    assert abs(target.centroid[0] - 150) < 1.5 and abs(target.centroid[1] - 61) < 1.5


def test_they_find_on_real_images_what_they_found_when_they_were_published(real_data):
    layout = detect(real_data('NUAA-SIRST'))
    path = CONFIGS / 'gpu' / 'lgnet_scaled_nuaa_sirst.safetensors'
    predictor = Predictor(path.with_suffix('.py'), path, 'cpu')
    for image_id, overlap, union in (('Misc_311', 18, 25), ('Misc_214', 110, 122)):
        found, truth = predictor.predict(layout.images[image_id]).mask, layout.truth(image_id)
        assert abs((found & truth).sum() - overlap) <= 2 and abs((found | truth).sum() - union) <= 2
