"""Providers that ask vision-language models: of OpenAI, of Anthropic, of any server with a base URL, on this machine.

Each module is a plugin like anybody's, loaded by :func:`irstd_toolbox.plugins.load_plugins`; none imports its SDK
before it is asked something.
"""
