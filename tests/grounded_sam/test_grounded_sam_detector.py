"""Boxes of a text-guided detector: the same as by transformers' processor, and the loss hook."""

import inspect
from collections.abc import Callable

import pytest
import torch

from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.models.grounded_sam_detector import GroundingDetector, normalise_prompt, resized_to_edges

SIZES = [(512, 512), (256, 320), (100, 400), (400, 100), (335, 219), (800, 1000), (1333, 800)]
HOOK = ['logits', 'labels', 'device', 'pred_boxes', 'config', 'label_maps', 'text_mask', 'outputs_class',
        'outputs_coord', 'encoder_logits', 'encoder_pred_boxes']


@pytest.fixture(scope='module', params=['dino', 'mm'])
def detector(request: pytest.FixtureRequest, folders: dict[str, str]) -> GroundingDetector:
    detector = GroundingDetector(folders[request.param], size=(64, 96))
    detector.load()
    return detector.eval()


@pytest.fixture
def processor(folders: dict[str, str]) -> object:
    import transformers
    return transformers.GroundingDinoProcessor(
        transformers.GroundingDinoImageProcessor(size=dict(shortest_edge=64, longest_edge=96), do_rescale=False),
        transformers.AutoTokenizer.from_pretrained(folders['dino']))


@pytest.mark.parametrize('size', SIZES, ids=str)
def test_the_size_rule_is_the_processors(size: tuple[int, int]) -> None:
    from transformers.image_transforms import get_size_with_aspect_ratio
    assert resized_to_edges(size, 800, 1333) == tuple(get_size_with_aspect_ratio(size, 800, 1333))


def test_inputs_are_the_processors(detector: GroundingDetector, processor: object, scene: Callable) -> None:
    images = [scene(0, 48, 64) / 255, scene(1, 150, 90) / 255]  # the second becomes smaller
    ours = detector.prepare(images, ['infrared small target.', 'drone.'])
    theirs = processor(images=[image.expand(3, -1, -1) for image in images],
                       text=['infrared small target.', 'drone.'], padding=True, return_tensors='pt')
    assert ours.keys() == theirs.keys()
    for key in ('input_ids', 'token_type_ids', 'attention_mask', 'pixel_mask'):
        assert torch.equal(ours[key], theirs[key]), key
    torch.testing.assert_close(ours['pixel_values'], theirs['pixel_values'], atol=1e-5, rtol=1e-5)


def test_boxes_and_scores_are_those_of_the_processor(detector: GroundingDetector, processor: object,
                                                     scene: Callable) -> None:
    images, prompts = [scene(0) / 255, scene(1) / 255], ['infrared small target.', 'drone.']
    inputs = detector.prepare(images, prompts)
    with torch.no_grad():
        output = detector.net(**inputs)
        threshold = output.logits.sigmoid().amax(-1).median().item()
        found = detector.detect(images, prompts, threshold, most=100)
        theirs = processor.post_process_grounded_object_detection(
            output, inputs['input_ids'], threshold=threshold, target_sizes=[(48, 64)] * 2)
    assert 0 < sum(len(boxes) for _, boxes in found) < 24
    for (scores, boxes), expected in zip(found, theirs, strict=True):
        order = expected['scores'].argsort(descending=True)
        torch.testing.assert_close(scores.sigmoid(), expected['scores'][order])
        torch.testing.assert_close(boxes, expected['boxes'][order], atol=1e-4, rtol=1e-5)


def test_at_most_so_many_boxes_are_kept_and_the_best(detector: GroundingDetector, scene: Callable) -> None:
    with torch.no_grad():
        (all_scores, _), = detector.detect([scene() / 255], ['target'], threshold=1e-6, most=100)
        (scores, boxes), = detector.detect([scene() / 255], ['target'], threshold=1e-6, most=3)
    assert len(boxes) == 3
    assert torch.equal(scores, all_scores[:3]) and torch.equal(scores, all_scores.sort(descending=True).values[:3])


@pytest.mark.parametrize('size', [(48, 64), (40, 90)], ids=['one size', 'two sizes'])
def test_an_image_of_a_batch_of_other_prompts_is_seen_as_alone(detector: GroundingDetector, scene: Callable,
                                                               size: tuple[int, int]) -> None:
    images, prompts = [scene(0) / 255, scene(1, *size) / 255], ['infrared small target.', 'dim drone. bird.']
    with torch.no_grad():
        together = detector.detect(images, prompts, threshold=1e-6, most=100)
        for image, prompt, (scores, boxes) in zip(images, prompts, together, strict=True):
            (own_scores, own_boxes), = detector.detect([image], [prompt], threshold=1e-6, most=100)
            torch.testing.assert_close(scores, own_scores, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(boxes, own_boxes, atol=1e-2, rtol=1e-4)


def test_words_and_phrases_of_each_prompt_are_its_own(detector: GroundingDetector, scene: Callable) -> None:
    with torch.no_grad():
        seen = detector([scene() / 255] * 3, ['drone.', 'infrared small target.', 'dim drone. bird.'])
    # [CLS] drone . [SEP]; [CLS] infrared small target . [SEP]; [CLS] dim drone . bird . [SEP]
    assert seen.words.sum(1).tolist() == [4, 6, 7]
    assert [row.nonzero().flatten().tolist() for row in seen.phrases] == [[1], [1, 2, 3], [1, 2, 4]]


def test_every_decoder_layer_and_the_proposals_are_handed_out(detector: GroundingDetector, scene: Callable) -> None:
    with torch.no_grad():
        seen = detector([scene() / 255], ['drone'])
        output = detector.net(**detector.prepare([scene() / 255], ['drone']))
    assert len(seen.layers) == detector.net.config.decoder_layers
    assert torch.equal(seen.layers[-1][0], output.logits) and torch.equal(seen.layers[-1][1], output.pred_boxes)
    # What the decoder starts from, in its order.
    torch.testing.assert_close(seen.proposals[1], output.init_reference_points)


def test_the_networks_own_loss_is_there_again_after_a_pass(detector: GroundingDetector, scene: Callable) -> None:
    before = detector.net.loss_function
    detector([scene() / 255], ['drone'])
    assert detector.net.loss_function is before


@pytest.mark.parametrize('kind', ['GroundingDinoForObjectDetection', 'MMGroundingDinoForObjectDetection'])
def test_transformers_calls_its_loss_as_this_toolbox_expects(kind: str) -> None:
    """Fails when an upgrade renames or adds an argument of the hook that hands out the decoder's layers."""
    from transformers.loss.loss_utils import LOSS_MAPPING
    assert list(inspect.signature(LOSS_MAPPING[kind]).parameters) == HOOK


@pytest.mark.parametrize(('given', 'expected'), [
    ('infrared small target', 'infrared small target.'), (' Infrared  Small Target. ', 'infrared small target.'),
    ('a cat. a dog', 'a cat. a dog.'), ('target...', 'target.')])
def test_a_prompt_is_lower_case_and_ends_with_one_full_stop(given: str, expected: str) -> None:
    assert normalise_prompt(given) == expected


@pytest.mark.parametrize('prompt', ['', ' . '])
def test_a_prompt_without_words_is_refused(prompt: str) -> None:
    with pytest.raises(ConfigError, match='has no words'):
        normalise_prompt(prompt)


def test_a_prompt_longer_than_the_network_reads_is_cut(detector: GroundingDetector) -> None:
    ids = detector.prepare([torch.zeros(1, 32, 32)], ['drone ' * 40])['input_ids']
    assert ids.shape == (1, detector.net.config.max_text_len)


def test_a_folder_that_is_not_there_is_said_and_what_to_do() -> None:
    with pytest.raises(CheckpointError, match='no folder, nor has it the form of a tag.*save_pretrained'):
        GroundingDetector('/nowhere/at/all').load()


def test_a_folder_of_something_else_is_said(tmp_path) -> None:
    (tmp_path / 'config.json').write_text('{}')
    with pytest.raises(CheckpointError, match='cannot be read as what save_pretrained writes'):
        GroundingDetector(str(tmp_path)).load()


def test_a_network_of_another_kind_is_refused(folders: dict[str, str]) -> None:
    from irstd_toolbox.models.grounded_sam_weights import load_network
    with pytest.raises(ConfigError, match="kind 'sam', and a detector of the kinds grounding-dino"):
        load_network('detector', folders['sam'])


def test_weights_that_are_missing_in_a_folder_are_named(folders: dict[str, str], tmp_path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file
    shutil.copytree(folders['dino'], tmp_path / 'dino')
    weights = load_file(tmp_path / 'dino/model.safetensors')
    name = next(key for key in weights if 'enc_output.weight' in key)
    del weights[name]
    save_file(weights, tmp_path / 'dino/model.safetensors', metadata={'format': 'pt'})
    with pytest.raises(CheckpointError, match=f'lacks 1 weights of GroundingDino.*{name}'):
        GroundingDetector(str(tmp_path / 'dino')).load()


def test_a_tag_without_a_network_is_said_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    from irstd_toolbox.models import grounded_sam_weights
    monkeypatch.setattr(grounded_sam_weights, 'reachable', lambda url: False)
    with pytest.raises(ConfigError, match='somebody/nothing is neither a folder nor on this machine, and cannot be '
                                          r'fetched \(no network\).*save_pretrained'):
        GroundingDetector('somebody/nothing').load()


@pytest.mark.parametrize('size', [(0, 5), (800, 700), (800,)], ids=str)
def test_a_size_that_is_not_two_is_refused(size: tuple) -> None:
    with pytest.raises(ConfigError, match='is not .short side'):
        GroundingDetector(size=size)
