"""How results show themselves in a notebook."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Shown:
    """What Jupyter shows as a picture.

    The picture is drawn by ``tracekit.render``, which lies above this room: it is loaded by its name when
    a notebook asks for it.
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        html: str = self._repr_mimebundle_()["text/html"]
        return html

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle: dict[str, Any] = import_module("tracekit.render.notebook").bundle(self)
        return bundle
