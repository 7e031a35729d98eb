"""Masks of boxes, the same as by transformers' processors, and their fusion to one map."""

from collections.abc import Callable

import pytest
import torch

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.grounded_sam import fused, inside
from irstd_toolbox.models.grounded_sam_segmenter import BoxSegmenter, grown

BOXES = torch.tensor([[20.0, 10.0, 24.0, 13.0], [3.0, 30.0, 15.0, 40.0]])


def segmenter(folder: str, **options: float) -> BoxSegmenter:
    made = BoxSegmenter(folder, **options)
    made.load()
    return made.eval()


@pytest.fixture
def sam_processor() -> object:
    from transformers import SamImageProcessor
    return SamImageProcessor(size=dict(longest_edge=64), pad_size=dict(height=64, width=64), do_rescale=False)


@pytest.mark.parametrize('size', [(48, 64), (60, 38), (38, 60), (90, 90)], ids=str)
def test_sams_masks_are_those_of_its_processor(folders: dict[str, str], sam_processor: object, scene: Callable,
                                               size: tuple[int, int]) -> None:
    from transformers import SamProcessor
    made, image = segmenter(folders['sam'], margin=0, least=0), scene(0, *size) / 255
    inputs = SamProcessor(sam_processor)(image.expand(3, -1, -1), input_boxes=[BOXES.tolist()],
                                         return_tensors='pt')
    with torch.no_grad():
        masks = made(image, BOXES, size)
        output = made.net(pixel_values=inputs['pixel_values'], input_boxes=inputs['input_boxes'].float(),
                          multimask_output=False)
    expected, = sam_processor.post_process_masks(output.pred_masks, inputs['original_sizes'],
                                                 inputs['reshaped_input_sizes'], binarize=False)
    assert expected.std() > 1e-2
    torch.testing.assert_close(masks, expected[:, 0], atol=1e-4, rtol=1e-4)


def test_sam_2s_masks_are_those_of_its_processor(folders: dict[str, str], scene: Callable) -> None:
    from transformers import Sam2ImageProcessor
    made, image = segmenter(folders['sam2'], margin=0, least=0), scene(0, 48, 60) / 255
    processor = Sam2ImageProcessor(size=dict(height=64, width=64), do_rescale=False)
    pixels = processor(image.expand(3, -1, -1), return_tensors='pt')['pixel_values']
    with torch.no_grad():
        masks = made(image, BOXES, (48, 60))
        output = made.net(pixel_values=pixels, input_boxes=(BOXES * torch.tensor([64 / 60, 64 / 48]).repeat(2))[None],
                          multimask_output=False)
    expected, = processor.post_process_masks(output.pred_masks, [(48, 60)], binarize=False)
    assert expected.std() > 1e-2
    torch.testing.assert_close(masks, expected[:, 0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('kind', ['sam', 'sam2'])
def test_masks_come_at_the_size_asked_for(folders: dict[str, str], scene: Callable, kind: str) -> None:
    with torch.no_grad():
        assert segmenter(folders[kind])(scene() / 255, BOXES, (33, 47)).shape == (2, 33, 47)


@pytest.mark.parametrize('kind', ['sam', 'sam2'])
def test_a_frozen_image_encoder_changes_no_mask_and_keeps_no_graph(folders: dict[str, str], scene: Callable,
                                                                   kind: str) -> None:
    made = segmenter(folders[kind])
    free = made(scene() / 255, BOXES, (48, 64))
    free.sum().backward()
    trained = {name for name, value in made.net.named_parameters() if value.grad is not None}
    made.net.zero_grad()
    for module in made.parts()['sam_image']:
        module.requires_grad_(False)
    frozen = made(scene() / 255, BOXES, (48, 64))
    torch.testing.assert_close(free, frozen)
    frozen.sum().backward()
    left = {name for name, value in made.net.named_parameters() if value.grad is not None}
    assert any(name.startswith('vision_encoder') for name in trained)
    assert left and not any(name.startswith('vision_encoder') for name in left)


def test_a_box_is_asked_for_with_its_margin(folders: dict[str, str], scene: Callable) -> None:
    wide = torch.tensor([[19.0, 9.0, 25.0, 14.0]])
    with torch.no_grad():
        one = segmenter(folders['sam'], margin=1, least=4)(scene() / 255, BOXES[:1], (48, 64))
        other = segmenter(folders['sam'], margin=0, least=0)(scene() / 255, wide, (48, 64))
    torch.testing.assert_close(one, other)


def test_a_box_grows_about_its_centre_to_the_least_size() -> None:
    assert grown(torch.tensor([[2.0, 2.0, 3.0, 12.0]]), margin=0.5, least=4).tolist() == [[0.5, 1.5, 4.5, 12.5]]


@pytest.mark.parametrize('options', [dict(margin=-1), dict(least=-1)], ids=str)
def test_a_negative_margin_is_refused(options: dict) -> None:
    with pytest.raises(ConfigError, match='both have to be at least 0'):
        BoxSegmenter(**options)


def test_a_box_with_exclusive_edges_covers_the_pixels_it_was_made_of() -> None:
    filled = inside(torch.tensor([[2.0, 1.0, 3.0, 2.0], [0.0, 0.0, 4.0, 2.0]]), (3, 5))
    assert filled[0].nonzero().tolist() == [[1, 2]]
    assert filled[1].sum() == 8 and filled[1, :2, :4].all()


def test_without_boxes_nothing_is_target() -> None:
    assert torch.equal(fused(torch.zeros(0), torch.zeros(0, 4), None, (2, 3), 0.25, 2), torch.full((1, 2, 3), -16.0))


def test_filled_boxes_have_the_logit_of_their_score_above_the_threshold() -> None:
    scores = torch.logit(torch.tensor([0.5, 0.8]))
    boxes = torch.tensor([[0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 1.0]])
    expected = torch.tensor([0.5, 0.8, 0.8]).logit() - torch.tensor(0.2).logit()
    torch.testing.assert_close(fused(scores, boxes, None, (1, 4), 0.2, 2)[0, 0], torch.tensor([*expected, -16.0]))


def test_a_mask_counts_up_to_the_scores_certainty_and_inside_its_gate() -> None:
    # A box of 2 pixels in a row of 8, its gate of twice that; the mask leaks everywhere.
    scores, boxes = torch.logit(torch.tensor([0.5])), torch.tensor([[3.0, 0.0, 5.0, 1.0]])
    masks = torch.tensor([[[9.0, 9, 0.25, -3, 9, 9, 9, 9]]])
    certain = -torch.tensor(0.2).logit().item()
    expected = torch.tensor([-16.0, -16, 0.25, -3, certain, certain, -16, -16])
    torch.testing.assert_close(fused(scores, boxes, masks, (1, 8), 0.2, 2.0)[0, 0], expected)
