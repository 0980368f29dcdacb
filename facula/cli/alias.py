"""Makes `torch`, `torchvision` and `torchaudio` mean Facula, in this process only.

A finder at the head of `sys.meta_path` answers for these names and everything below them with
Facula's own module objects, so that `torch.nn` and `facula.nn` are one module whichever name was
imported first. It never lets a name through to an installed PyTorch: two frameworks in one process
would mix their tensors. What Facula lacks fails where it is used, with an error that names it as
the script does.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader
else:  # that module imports a quarter of the standard library, and a base class is all it is for
    Loader = object

PACKAGES = {"torch": "facula", "torchvision": "facula.vision", "torchaudio": "facula.audio"}
HINT = "(Facula does not have it, or not yet)"


def facula_name(name: str) -> str | None:
    """Facula's name of the module that a script calls `name`; None where it is not aliased."""
    top, dot, rest = name.partition(".")
    target = PACKAGES.get(top)
    return None if target is None else target + dot + rest


def torch_name(name: str) -> str:
    """The inverse: what a PyTorch script calls Facula's module `name`."""
    for theirs, ours in sorted(PACKAGES.items(), key=lambda item: -len(item[1])):
        if name == ours or name.startswith(ours + "."):
            return theirs + name[len(ours) :]
    return name


class AliasFinder(Loader):
    """Finds and "loads" the modules of `PACKAGES`; loading one imports Facula's module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for an aliased module. Raises ModuleNotFoundError where Facula has none."""
        ours = facula_name(fullname)
        if ours is None:
            return None
        if not _exists(ours):
            raise ModuleNotFoundError(f"No module named '{fullname}' {HINT}", name=fullname)
        return importlib.machinery.ModuleSpec(fullname, self, origin=f"alias of {ours}")

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Facula's module; its own spec is kept aside, because the import system overwrites it."""
        module = importlib.import_module(str(facula_name(spec.name)))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Gives the module its own spec back and names missing attributes as the script does."""
        alias = module.__spec__
        if alias is not None and alias.loader is self:
            module.__spec__ = alias.loader_state
        _explain_loaded()


def _exists(name: str) -> bool:
    if name in sys.modules:
        return True
    parent = name.rpartition(".")[0]
    if parent and not hasattr(importlib.import_module(parent), "__path__"):
        return False
    return importlib.util.find_spec(name) is not None


class _Missing:
    """The `__getattr__` of an aliased module: names what is missing as the script does.

    It stands in the module's dict; a subclass of ModuleType would slow every look-up down.
    """

    def __init__(self, module: ModuleType, name: str) -> None:
        self.module, self.name = module, name
        self.lazy = module.__dict__.get("__getattr__")  # the module's own

    def __call__(self, attribute: str) -> Any:
        reason: AttributeError | None = None
        if self.lazy is not None:
            try:
                found = self.lazy(attribute)
                _explain_loaded()  # what a lazy attribute has imported
                return found
            except AttributeError as error:
                reason = error
        raise AttributeError(
            f"module '{self.name}' has no attribute '{attribute}' {HINT}",
            name=attribute,
            obj=self.module,
        ) from reason


def _explain_loaded() -> None:
    # Every module that a script can reach by attributes, as in torch.nn.functional.relu.
    for name, module in list(sys.modules.items()):
        ours = name == "facula" or name.startswith("facula.")
        if ours and not isinstance(module.__dict__.get("__getattr__"), _Missing):
            module.__dict__["__getattr__"] = _Missing(module, torch_name(name))


def install() -> None:
    """Puts the finder first in `sys.meta_path`. Raises RuntimeError where PyTorch is loaded."""
    for theirs, ours in PACKAGES.items():
        loaded = sys.modules.get(theirs)
        if loaded is not None and loaded is not sys.modules.get(ours):
            raise RuntimeError(f"{theirs} is already imported in this process")
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, AliasFinder())


def explain(error: BaseException) -> None:
    """Rewrites the message of an ImportError about a name missing from an aliased module."""
    if not isinstance(error, ImportError) or isinstance(error, ModuleNotFoundError):
        return
    theirs = torch_name(error.name or "")
    if theirs != error.name and error.msg.startswith("cannot import name"):
        what = error.msg.split("'")[1]
        error.msg = f"cannot import name '{what}' from '{theirs}' {HINT}"
