"""A page in the browser for trying a model on single images; needs the extra ``app``.

:mod:`.analysis` (what was found), :mod:`.pictures`, :mod:`.downloads` and :mod:`.examples` know no browser;
:mod:`.page` puts them on a page and :mod:`.server` serves it, and these two alone import gradio.
"""
