"""Which Keras a program is written for: the early one, before TensorFlow 2 took it over, had what is gone today."""

from __future__ import annotations

import ast
import re

from outlayer_lint.interpret.frames import World
from outlayer_lint.interpret.questions.seeds import calls_at
from outlayer_lint.interpret.things import Library
from outlayer_lint.records import TYPE_CHECKING
from outlayer_lint.resolve.searched import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from outlayer_lint.interpret.questions.driver import Driver
    from outlayer_lint.interpret.questions.seeds import Seed
    from outlayer_lint.resolve.sourcefile import SourceFile

KEYWORDS = frozenset(("nb_epoch", "samples_per_epoch", "nb_val_samples"))  # Keras 2.3 was the last to take these
METHOD = "fit_generator"  # of the package `keras` the same: later ones have it for a while, and nobody needs it there
# Called in TensorFlow 1 only, or of a Keras that runs on nothing else; `tensorflow.compat.v1` is another name.
GONE = frozenset(
    (
        "keras.backend.get_session",
        "keras.backend.set_session",
        "keras.backend.tensorflow_backend.set_session",
        "keras.layers.CuDNNGRU",
        "keras.layers.CuDNNLSTM",
        "keras.utils.multi_gpu_model",
        "keras.utils.training_utils.multi_gpu_model",
        "tensorflow.ConfigProto",
        "tensorflow.InteractiveSession",
        "tensorflow.Session",
        "tensorflow.get_default_graph",
        "tensorflow.global_variables_initializer",
        "tensorflow.placeholder",
        "tensorflow.reset_default_graph",
        "tensorflow.set_random_seed",
        "tensorflow_hub.Module",
    )
)
WORDS = encoded(name.rpartition(".")[2] for name in GONE)
MODULES = r"(?m)^[ \t]*(?:from|import)[ \t]+keras\.(?:engine\.topology|backend\.tensorflow_backend|legacy|objectives)\b"
OWN = r"(?m)^[ \t]*(?:from|import)[ \t]+keras\b"
IMPORT = r"(?m)^[ \t]*(?:from|import)[ \t]+(\.*)([\w.]*)"
MAX_CALLS, MAX_NEIGHBOURS = 12, 12


class Editions:
    """What the files of a project tell about the Keras they are written for, each asked once."""

    def __init__(self, driver: Driver) -> None:
        """One for all questions about a project."""
        self.driver = driver
        self._early: dict[SourceFile, bool] = {}

    def early(self, files: Iterable[SourceFile]) -> bool:
        """Whether one of the files, or one that imports it, uses what only the early Keras and its TensorFlow had."""
        return any(self._is_early(each) for file in files for each in (file, *self._importing(file)))

    def _is_early(self, file: SourceFile) -> bool:
        if file not in self._early:
            self._early[file] = re.search(MODULES, file.text) is not None or self._calls_what_is_gone(file)
        return self._early[file]

    def _calls_what_is_gone(self, file: SourceFile) -> bool:
        words = file.among(WORDS)
        if not words or file.scope is None:
            return False
        it, frame = self.driver.it, self.driver.it.module_frame(file)
        if frame is None:
            return False
        for seed in calls_at(file, file.lines_calling(*sorted(words)), words)[:MAX_CALLS]:
            called = it.ev(seed.node.func, seed.place, self.driver.frame(seed, World()))
            if any(isinstance(thing, Library) and thing.name in GONE for thing, _ in called):
                return True
        return False

    def _importing(self, file: SourceFile) -> Iterator[SourceFile]:
        project = self.driver.project
        stem = file.path.rpartition("/")[2].rpartition(".")[0]
        for other in project.users(file, stem)[:MAX_NEIGHBOURS]:
            named = re.findall(IMPORT, other.text) if other is not file else ()
            if any(name.endswith(stem) and project.module(name, other, len(dots)) is file for dots, name in named):
                yield other


def spelled(fit: Seed) -> bool:
    """Whether a training call is spelled as the early Keras understood it."""
    function = fit.node.func
    if any(keyword.arg in KEYWORDS for keyword in fit.node.keywords):
        return True
    generator = isinstance(function, ast.Attribute) and function.attr == METHOD
    return generator and re.search(OWN, fit.place.block.scope.file.text) is not None
