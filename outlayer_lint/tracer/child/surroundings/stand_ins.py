"""What a script leans on and a sandbox does not have: packages, data sets, a GPU, files to write.

Only what is missing is replaced. A module whose absence the script itself provides for (an import inside of a `try`)
stays missing, so that the branch written for that case is taken.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
import types
from typing import TYPE_CHECKING, Any

import torch

from outlayer_lint.tracer.child.losses import written
from outlayer_lint.tracer.child.recording.marks import PROJECT, standing
from outlayer_lint.tracer.child.surroundings import environments, launchers
from outlayer_lint.tracer.child.surroundings.environments import taken_apart
from outlayer_lint.tracer.child.surroundings.unknown import Unknown, given_back

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

SAMPLES = 512
ROWS = dict.fromkeys(("MNIST", "FashionMNIST", "KMNIST"), (60_000, 10_000))
ROWS |= dict.fromkeys(("CIFAR10", "CIFAR100"), (50_000, 10_000))
PARTS = (55_000, 45_000, 40_000, 54_000, 48_000)  # what programs train with of these
GONE = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")
# name of a data set of torchvision -> classes, and the shape of a picture (height, width, channels)
PICTURES = {
    "MNIST": (10, (28, 28, 1)), "FashionMNIST": (10, (28, 28, 1)), "KMNIST": (10, (28, 28, 1)),
    "QMNIST": (10, (28, 28, 1)), "EMNIST": (26, (28, 28, 1)), "USPS": (10, (16, 16, 1)),
    "CIFAR10": (10, (32, 32, 3)), "CIFAR100": (100, (32, 32, 3)), "SVHN": (10, (32, 32, 3)),
    "STL10": (10, (96, 96, 3)), "ImageFolder": (2, (256, 256, 3)), "ImageNet": (1000, (256, 256, 3)),
    "Flowers102": (102, (256, 256, 3)), "Food101": (101, (256, 256, 3)), "OxfordIIITPet": (37, (256, 256, 3)),
    "LSUN": (10, (256, 256, 3)), "GTSRB": (43, (48, 48, 3)), "FakeData": (10, (224, 224, 3)),
}  # fmt: skip


# -- packages ---------------------------------------------------------------------------------------------------------


class _Kind(type):
    """Any attribute of a stand-in class is another one."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = _Kind(name, (Stand,), {})
        setattr(cls, name, made)
        return made

    def __setitem__(cls, key: object, value: object) -> None:
        """Keeps nothing."""

    def __iter__(cls) -> Iterator[Any]:
        return iter([Stand() for _ in range(taken_apart(sys._getframe(1)))])


class Stand(Unknown, metaclass=_Kind):
    """Stands for anything of a missing package: callable, iterable, of any attribute. A progress bar keeps its items.

    Called with nothing but a function or a class it gives that back, as a decorator does.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """See the class."""
        plain = cls.__init__ is object.__init__ or cls.__init__ is Stand.__init__
        if plain and len(args) == 1 and not kwargs and isinstance(args[0], (types.FunctionType, type)):
            return args[0]
        back = given_back(args, kwargs, sys._getframe(1)) if plain and cls.__name__[:1].islower() else None
        return super().__new__(cls) if back is None else back

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The first argument is what is iterated over."""
        super().__init__(type(self).__name__)
        self.__dict__["_given"] = args[0] if args else kwargs.get("iterable")

    def __iter__(self) -> Iterator[Any]:
        given: Any = self.__dict__.get("_given")
        items = hasattr(given, "__iter__") or hasattr(given, "__getitem__")
        return iter(given) if items and not isinstance(given, (str, Unknown)) else super().__iter__()

    def __len__(self) -> int:
        given: Any = self.__dict__.get("_given")
        return len(given) if hasattr(given, "__len__") and not isinstance(given, (str, Unknown)) else super().__len__()

    def __enter__(self) -> Any:
        given: Any = self.__dict__.get("_given")
        return given if isinstance(given, torch.Tensor) else self


class Missing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The last finder: makes a module of stand-ins where nobody has one."""

    def __init__(self) -> None:
        """`names` are the packages that were made up."""
        self.names: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for what the project's own code imports, unless it provides for its absence."""
        top = name.partition(".")[0]
        if path is None and (top in sys.stdlib_module_names or top.startswith("_")):
            return None
        if not any(f"{name}.".startswith(f"{each}.") for each in self.names):
            if not _asked_for(sys._getframe(1)):
                return None
            self.names.append(top if path is None else name)  # a part that a library, or the project, has no more
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """An empty package; environments to learn in are made up."""
        if spec.name in ("gym", "gymnasium"):
            return environments.module(Stand)
        if spec.name in ("gym.spaces", "gymnasium.spaces"):
            return sys.modules[spec.name.partition(".")[0]].spaces  # type: ignore[no-any-return]
        module = types.ModuleType(spec.name)
        module.__dict__.update(launchers.of(spec.name))
        if spec.name == "tensorflow.examples.tutorials.mnist":
            module.__dict__["input_data"] = digits()
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Every name in it is a stand-in."""
        module.__path__ = []
        module.__dict__.setdefault("__getattr__", _named)

    def forget(self) -> None:
        """What was made up is not there for whoever comes next."""
        for name, module in list(sys.modules.items()):
            if getattr(getattr(module, "__spec__", None), "loader", None) is self:
                del sys.modules[name]


def _named(name: str) -> Any:
    """What a missing package calls so: readers of pictures and sounds give some, the rest is a stand-in."""
    return READERS[name] if name in READERS else getattr(Stand, name)


def _picture(*_: Any, **__: Any) -> Any:
    environments.ASKED.append("picture")
    return torch.randint(0, 256, (128, 128, 3), dtype=torch.uint8).numpy()


def _resized(image: Any, size: Any = None, *_: Any, **kwargs: Any) -> Any:
    size = kwargs.get("dsize") or size
    if not isinstance(size, (tuple, list)) or not hasattr(image, "shape"):
        return image
    return __import__("numpy").resize(image, (size[1], size[0], *image.shape[2:])).astype(image.dtype)


READERS: dict[str, Any] = {
    "imread": _picture, "resize": _resized, "imresize": _resized, "__version__": "9.9.9", "version_info": (9, 9, 9),
}  # fmt: skip


def _asked_for(frame: FrameType | None) -> bool:
    """Whether the import stands in the project's own code, and outside of a `try` that catches its failure."""
    while frame is not None and "importlib" in frame.f_code.co_filename:
        if frame.f_code.co_name == "_handle_fromlist":  # a name that may be no module at all
            return False
        frame = frame.f_back
    if frame is None or standing(frame.f_code.co_filename) != PROJECT:
        return False
    known = written.expressions(frame.f_code.co_filename)
    return known is None or not _is_tried(known[0].tree, frame.f_lineno)


def _is_tried(tree: ast.Module, line: int) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and node.body[0].lineno <= line <= (node.body[-1].end_lineno or line):
            for handler in node.handlers:
                names = [n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)] if handler.type else GONE[:1]
                if any(name in GONE for name in names):
                    return True
    return False


# -- data sets --------------------------------------------------------------------------------------------------------


class Pictures(torch.utils.data.Dataset):
    """512 random pictures of a data set's size, with labels of its range; pictures as the transforms expect them."""

    name = ""
    number, shape, rows = 10, (32, 32, 3), (SAMPLES, SAMPLES)

    def __init__(self, *args: Any, transform: Any = None, target_transform: Any = None, **kwargs: Any) -> None:
        """Takes what the real one takes."""
        places = [each for each in args[1:] if callable(each)]
        self.transform = transform or (places[0] if places else None)
        self.target_transform = target_transform or (places[1] if len(places) > 1 else None)
        train = kwargs.get("train", args[1] if len(args) > 1 and isinstance(args[1], bool) else True)
        chance = torch.Generator().manual_seed(0)
        self.data = torch.randint(0, 256, (SAMPLES, *self.shape), generator=chance, dtype=torch.uint8)
        if self.shape[-1] == 1:
            self.data = self.data[..., 0]
        self.targets = torch.randint(0, self.number, (SAMPLES,), generator=chance)
        times = -(-self.rows[0 if train else 1] // SAMPLES)
        if times > 1:  # as many as the real one has
            rows = torch.arange(times * SAMPLES)[: self.rows[0 if train else 1]] % SAMPLES
            self.data, self.targets = self.data[rows], self.targets[rows]
        self.labels = self.targets.tolist()
        self.classes = [str(each) for each in range(self.number)]
        self.class_to_idx = {each: index for index, each in enumerate(self.classes)}
        self.samples = self.imgs = [(f"{index}.png", label) for index, label in enumerate(self.labels)]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture: Any = self.data[index].numpy()
        images = sys.modules.get("PIL.Image")
        if images is not None:
            picture = images.fromarray(picture)
        label: Any = self.labels[index]
        picture = self.transform(picture) if self.transform is not None else picture
        return picture, self.target_transform(label) if self.target_transform is not None else label


def digits() -> types.ModuleType:
    """What old tutorials read MNIST with: rows of 784 numbers below one."""

    def next_batch(size: int, *_: Any, **__: Any) -> tuple[Any, Any]:
        labels = torch.randint(0, 10, (size,))
        labels = torch.nn.functional.one_hot(labels, 10).double() if given.get("one_hot") else labels
        return torch.rand(size, 784).numpy(), labels.numpy()

    def read_data_sets(*_: Any, **kwargs: Any) -> Any:
        given.update(kwargs)
        images, labels = next_batch(SAMPLES)
        part = types.SimpleNamespace(
            next_batch=next_batch, images=images, labels=labels, num_examples=SAMPLES, epochs_completed=0
        )
        return types.SimpleNamespace(train=part, validation=part, test=part)

    given: dict[str, Any] = {}
    module = types.ModuleType("input_data")
    module.__dict__["read_data_sets"] = read_data_sets
    return module


def data_sets(replace: Any, text: str = "") -> list[str]:
    """Put random pictures in the place of torchvision's data sets, where torchvision is installed.

    A data set is as large as the real one where the script, whose `text` is given, counts on that.
    """
    try:
        import torchvision.datasets as real  # noqa: PLC0415 - for scripts that have it
    except Exception:  # noqa: BLE001 - not installed, or of another torch: then it is a missing package
        return []
    found = [name for name in PICTURES if hasattr(real, name)]
    for name in found:
        number, shape = PICTURES[name]
        rows = ROWS.get(name, (SAMPLES, SAMPLES))
        rows = rows if re.search(rf"\b({'|'.join(map(str, (*rows, *PARTS)))})\b", text) else (SAMPLES, SAMPLES)
        more = {"number": number, "shape": shape, "name": name, "rows": rows}
        replace(real, name, type(name, (Pictures,), more))
    return found


# -- machines ---------------------------------------------------------------------------------------------------------


def machine(replace: Any, batch: int = 0) -> None:
    """No GPU, no worker processes, no files: what asks for them does without. `batch`: no batch is larger, if given."""
    replace(torch, "save", quiet())
    loader = torch.utils.data.DataLoader
    plain = loader.__init__

    def alone(self: Any, *args: Any, **kwargs: Any) -> None:
        if batch and isinstance(kwargs.get("batch_size"), int):
            kwargs["batch_size"] = min(batch, kwargs["batch_size"])
        elif batch and len(args) > 1 and isinstance(args[1], int):
            args = (args[0], min(batch, args[1]), *args[2:])
        if kwargs.get("num_workers"):
            kwargs.update(num_workers=0)
            kwargs.pop("prefetch_factor", None)
            kwargs.pop("multiprocessing_context", None)
        kwargs.update({k: False for k in ("persistent_workers", "pin_memory") if k in kwargs})
        plain(self, *args, **kwargs)
        if kwargs.get("drop_last") and hasattr(self.batch_sampler, "drop_last") and not len(self):
            self.batch_sampler.drop_last = False  # what is made up is less than a batch

    replace(loader, "__init__", alone)
    if torch.cuda.is_available():
        return
    for owner in (torch.Tensor, torch.nn.Module):
        replace(owner, "cuda", lambda self, *_args, **_kwargs: self)
    for name in ("set_device", "synchronize", "empty_cache", "reset_peak_memory_stats", "manual_seed_all"):
        replace(torch.cuda, name, quiet())
    replace(torch.cuda, "current_device", lambda: 0)
    replace(torch.cuda, "get_device_name", lambda *_: "none")
    for kind in ("Float", "Double", "Half", "Long", "Int", "Short", "Byte", "Bool"):
        replace(torch.cuda, f"{kind}Tensor", getattr(torch, f"{kind}Tensor"))
    default = torch.set_default_tensor_type
    replace(torch, "set_default_tensor_type", lambda kind: default(on_cpu(kind)))
    move = torch.nn.Module.to
    replace(torch.nn.Module, "to", lambda self, *args, **kwargs: move(self, *map(_numbered, args), **kwargs))
    load = torch.load
    replace(torch, "load", lambda *args, **kwargs: load(*args, **{**kwargs, "map_location": "cpu"}))


def quiet() -> Any:
    """A function that does nothing; a new one each time, for torch's compiler wants each to be one of its own."""
    return lambda *_args, **_kwargs: None


def _numbered(device: Any) -> Any:
    """The number of a GPU as the device that is there."""
    return "cpu" if type(device) is int else on_cpu(device)


@contextlib.contextmanager
def boards() -> Iterator[None]:
    """A stand-in for torch's own TensorBoard writer where TensorBoard is not installed."""
    name = "torch.utils.tensorboard"
    if name in sys.modules or importlib.util.find_spec("tensorboard") is not None:
        yield
        return
    module = types.ModuleType(name)
    module.__dict__["SummaryWriter"] = type("SummaryWriter", (Stand,), {})
    for each in (name, f"{name}.writer"):
        sys.modules[each] = module
    try:
        yield
    finally:
        for each in (name, f"{name}.writer"):
            sys.modules.pop(each, None)


def on_cpu(value: Any) -> Any:
    """A device that is not there as one that is."""
    if isinstance(value, str) and value.startswith("torch.cuda."):
        return value.replace("torch.cuda.", "torch.")
    if isinstance(value, torch.device):
        return torch.device("cpu") if value.type == "cuda" else value
    return "cpu" if isinstance(value, str) and (value == "cuda" or value.startswith("cuda:")) else value
