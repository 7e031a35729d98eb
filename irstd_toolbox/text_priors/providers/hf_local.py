"""The provider ``hf_local``."""

import asyncio
import hashlib
import io
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from irstd_toolbox import hookimpl
from irstd_toolbox.errors import lacks_memory
from irstd_toolbox.text_priors.providers.failures import say
from irstd_toolbox.text_priors.providers.options import OptionsProvider, ProviderOptions
from irstd_toolbox.text_priors.providers.remote import require_sdk
from irstd_toolbox.text_priors.providers.thoughts import CLOSES, after_thoughts
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, ProviderError, Usage

__all__ = ['LocalOptions', 'LocalProvider']

EDGE = 2**20


class LocalOptions(ProviderOptions):
    """Options of ``hf_local``.

    Args:
        model: A tag such as ``Qwen/Qwen2.5-VL-3B-Instruct``, or a folder with the model's and the processor's files.
        revision: Branch, tag or commit.
        local_files_only: Download nothing.
        trust_remote_code: Run code that the model's publisher put beside the weights. It is recorded who did.
        device: ``'cuda'``, ``'cuda:1'``, ``'cpu'``; None takes a GPU if there is one.
        dtype: Of the weights; ``'auto'`` as they are stored.
        max_new_tokens: Limit of the answer.
    """

    revision: str | None = None
    local_files_only: bool = False
    trust_remote_code: bool = False
    device: str | None = None
    dtype: Literal['auto', 'float32', 'bfloat16', 'float16'] = 'auto'
    max_new_tokens: int = Field(256, ge=1)


class LocalProvider(OptionsProvider):
    """Ask a model of transformers' that runs on this machine: any image-text-to-text model with a chat template.

    Generation is greedy, so the same weights on the same device say the same again. The model is loaded when it is
    first asked, and one question is answered at a time.

    Args:
        model: Tag or folder.

    Raises:
        ConfigError: If an option is unknown, missing or wrong, or transformers is not installed.

    Note:
        The processor may resize the image to what its model was trained with; that is the model's own reading.

    Example:
        >>> LocalProvider(model='Qwen/Qwen2.5-VL-3B-Instruct', local_files_only=True).max_concurrency
        1
    """

    name = 'hf_local'
    options: LocalOptions
    Options = LocalOptions
    SILENT = frozenset({'local_files_only', 'device'})
    remote: ClassVar[bool] = False
    max_concurrency: ClassVar[int] = 1
    free: ClassVar[bool] = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        require_sdk('transformers', 'hf_local')
        self._loaded: tuple[Any, Any] | None = None
        self._turn = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ('_loaded', '_turn')}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _loaded=None, _turn=threading.Lock())

    def identity(self) -> dict[str, Any]:
        """The options, and for a folder the fingerprint of its files, whose name tells nothing."""
        return {**super().identity(), 'endpoint': 'local', 'files': _fingerprint(Path(self.options.model))}

    async def check(self) -> None:
        await asyncio.to_thread(self._guarded, self._load)

    async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
        return await asyncio.to_thread(self._guarded, lambda: self._generate(image, prompt))

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """Do ``work`` alone; its failures come out as one kind of error."""
        failure = None
        with self._turn:
            try:
                return work()
            except ProviderError as error:
                failure = error
            except ImportError as error:
                failure = ProviderError('config', f'a package that the model needs cannot be imported: {say(error)}')
            except Exception as error:
                kind = 'too_large' if lacks_memory(error) else 'bad_request'
                failure = ProviderError(kind, f'{type(error).__name__}: {say(error)}')
        raise failure.with_traceback(None)

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is not None:
            return self._loaded
        import torch
        import transformers

        options = self.options
        common = dict(revision=options.revision, local_files_only=options.local_files_only,
                      trust_remote_code=options.trust_remote_code)
        failure = None
        try:
            processor = transformers.AutoProcessor.from_pretrained(options.model, **common)
            model = transformers.AutoModelForImageTextToText.from_pretrained(
                options.model, dtype=options.dtype, **common)
        except ImportError:
            raise
        except OSError as error:  # no such tag or folder, or not to be downloaded
            failure = ProviderError('not_found', f'the model {options.model!r} cannot be loaded: {say(error)}')
        except Exception as error:
            failure = ProviderError('config', f'the model {options.model!r} cannot be loaded as one that reads images '
                                              f'and text: {type(error).__name__}: {say(error)}')
        if failure is None and not getattr(processor, 'chat_template', None):
            failure = ProviderError('config', f'the model {options.model!r} has no chat template; expected an '
                                              'instruction-tuned model')
        if failure:
            raise failure
        device = options.device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self._loaded = processor, model.to(device).eval()
        return self._loaded

    def _generate(self, image: PreparedImage, prompt: Prompt) -> Answer:
        processor, model = self._load()
        started = time.perf_counter()
        given = processor.apply_chat_template(
            _conversation(image, prompt), add_generation_prompt=True, tokenize=True, return_dict=True,
            return_tensors='pt').to(model.device, dtype=model.dtype)
        out = model.generate(**given, max_new_tokens=self.options.max_new_tokens, do_sample=False)
        length = given['input_ids'].shape[1]
        new = out[0, length:]
        ends = model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        ended = bool(ends & set(new.tolist()))
        finish = 'stop' if ended or len(new) < self.options.max_new_tokens else 'length'
        commit = getattr(model.config, '_commit_hash', None)
        resolved = f'{self.options.model}@{commit}' if commit else self.options.model
        text = after_thoughts(processor.decode(new[_thoughts(processor, new.tolist()):], skip_special_tokens=True))
        return Answer(text, self.options.model, resolved, finish, Usage(length, len(new)),
                      latency_s=time.perf_counter() - started)


def _thoughts(processor: Any, tokens: list[int]) -> int:
    """How many tokens are thoughts, by a closing tag that is a special token and would not be in the text."""
    added = getattr(getattr(processor, 'tokenizer', processor), 'added_tokens_decoder', {})  # mistral-common has none
    special = {number for number, token in added.items() if token.special and token.content in CLOSES}
    return next((index + 1 for index, token in enumerate(tokens) if token in special), 0)


def _conversation(image: PreparedImage, prompt: Prompt) -> list[dict[str, Any]]:
    """The turns as chat templates take them, with decoded images: a string would be taken for a path or an address."""
    def said(role: str, text: str, shown: PreparedImage | None = None) -> dict[str, Any]:
        pictures = [] if shown is None else [{'type': 'image', 'image': _decode(shown)}]
        return {'role': role, 'content': [*pictures, {'type': 'text', 'text': text}]}
    turns = [said('system', prompt.system)] if prompt.system else []
    for shot in prompt.shots:
        turns += [said('user', prompt.task, shot.image), said('assistant', shot.text)]
    return [*turns, said('user', prompt.task, image)]


def _decode(image: PreparedImage) -> Any:
    from PIL import Image

    with Image.open(io.BytesIO(image.png)) as opened:
        return opened.convert('RGB')  # of 8 bits by then, so that nothing is clipped


def _fingerprint(folder: Path) -> str | None:
    """Of a folder's files: names, sizes, and the first and last MiB of each, for weights are large; None for a tag."""
    if not folder.is_dir():
        return None
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith('.')):
        size = file.stat().st_size
        digest.update(f'{file.name} {size}\n'.encode())
        with file.open('rb') as opened:
            digest.update(opened.read(EDGE))
            opened.seek(max(0, size - EDGE))
            digest.update(opened.read(EDGE))
    return digest.hexdigest()


@hookimpl
def register_text_prior_providers(register: Callable[..., None]) -> None:
    register(LocalProvider, name=LocalProvider.name)
