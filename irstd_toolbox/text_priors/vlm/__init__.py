"""Asking vision-language models: types, prompts, images, the engine, batches, and the judging of answers."""
