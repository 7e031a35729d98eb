"""Package metadata, requirements and extras; tool settings live in ``pyproject.toml``.

Lower bounds are the oldest releases the test suite was run with; upper bounds exclude a major
release that is known (or, for the model SDKs, documented) to change the interfaces used here.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r"^__version__ = '(.+)'", (HERE / 'irstd_toolbox' / '__init__.py').read_text(), re.M).group(1)

GRADIO = ['gradio>=6.31,<7']  # 6.31 itself asks for pillow<13
OPENAI, ANTHROPIC, TRANSFORMERS = ['openai>=3.40,<4'], ['anthropic>=2.5,<3'], ['transformers>=5,<6']
EXPORT = ['onnx>=1.17', 'onnxscript>=0.5', 'onnxruntime>=1.20']

setup(
    name='irstd-toolbox',
    version=VERSION,
    description='Infrared small target detection: LGNet, its baselines and one metric, composed from registries.',
    long_description=(HERE / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['irstd_toolbox', 'irstd_toolbox.*']),
    python_requires='>=3.10',
    install_requires=[
        'torch>=2.6,!=2.13.0',  # a 2.13.0 CPU build circulates that PyPI's torchvision cannot be loaded beside
        'torchvision>=0.21',
        'onedl-mmengine>=0.10.12,<0.11',
        'onedl-mmcv>=2.3.6,<2.4',
        'onedl-mmsegmentation>=1.4.2,<1.5',
        'timm>=1.0.17,<2',  # Adan
        'open_clip_torch>=3.0,<4',
        'packaging>=23',
        'pluggy>=1.5,<2',
        'pydantic>=2.7,<3',
        'numpy>=2.0.2,<3',
        'scipy>=1.13',
        'opencv-python>=4.10',
        'pillow>=10.3',
        'safetensors>=0.4',
        'matplotlib>=3.9',
        'rich>=13.9',
        'tensorboard>=2.18',
    ],
    extras_require={
        'test': [
            'pytest>=8', 'pytest-xdist>=3.5', 'ruff>=0.9', 'scikit-image>=0.24', *OPENAI, *ANTHROPIC, *TRANSFORMERS,
            *EXPORT],
        'openai': OPENAI,
        'anthropic': ANTHROPIC,
        'hf_local': TRANSFORMERS,
        'grounded_sam': TRANSFORMERS,
        'app': GRADIO,
        'app_test': [*GRADIO, 'selenium>=4.51,<5'],
        'export': EXPORT,
        'wandb': ['wandb>=0.19'],
    },
)
