"""Stands in for `gym` where it is not installed: environments of the usual sizes whose observations are random.

What `reset` and `step` return depends on the version that a program was written for; how many parts it unpacks tells.
"""

from __future__ import annotations

import dis
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

STEPS = 20  # of an episode
SCREEN = (400, 600, 3)
ASKED: list[str] = []  # what was asked for as data and made up, here and in `unknown`: none of it means anything
# Name of an environment -> the shape of an observation (or how many states), actions (negative: so many numbers).
SIZES: tuple[tuple[str, Any, int], ...] = (
    ("CartPole", (4,), 2), ("MountainCarContinuous", (2,), -1), ("MountainCar", (2,), 3), ("Acrobot", (6,), 3),
    ("LunarLanderContinuous", (8,), -2), ("LunarLander", (8,), 4), ("Pendulum", (3,), -1), ("Taxi", 500, 6),
    ("FrozenLake", 16, 4), ("Cliff", 48, 4), ("Bipedal", (24,), -4), ("HalfCheetah|Walker2d", (17,), -6),
    ("Hopper", (11,), -3), ("Ant-", (27,), -8), ("Humanoid", (376,), -17), ("Swimmer", (8,), -2),
    ("Reacher", (11,), -2),
    ("-ram", (128,), 6), ("NoFrameskip|Deterministic|ALE|Pong|Breakout|Invaders|-v5", (210, 160, 3), 6), ("", (4,), 2),
)  # fmt: skip


class Space:
    """What observations or actions are drawn from."""

    n = 0
    shape: tuple[int, ...] = ()
    dtype: Any = None

    def sample(self) -> Any:
        """One of them."""
        raise NotImplementedError

    def contains(self, _value: object) -> bool:
        """Everything belongs to it."""
        return True

    def seed(self, *_: object) -> None:
        """Needs none."""


class Discrete(Space):
    """Whole numbers below `n`."""

    def __init__(self, n: int) -> None:
        """See the class."""
        self.n = n
        self.dtype = _numpy().int64

    def sample(self) -> Any:
        """One of them."""
        return int(_numpy().random.randint(self.n))


class Box(Space):
    """Numbers of a shape, bytes where it is a picture."""

    def __init__(
        self, low: Any = -1.0, high: Any = 1.0, shape: tuple[int, ...] | None = None, dtype: Any = None
    ) -> None:
        """As in `gym`."""
        numpy = _numpy()
        self.shape = tuple(shape) if shape is not None else numpy.shape(low)
        self.dtype = numpy.dtype(dtype or "float32")
        self.low, self.high = (numpy.full(self.shape, end, dtype=self.dtype) for end in (low, high))

    def sample(self) -> Any:
        """One of them."""
        drawn = _numpy().random.uniform(self.low, self.high)
        return drawn.astype(self.dtype)


class Env:
    """One environment; also what a program derives its own from."""

    metadata: dict[str, Any] = {}  # noqa: RUF012 - as in gym
    reward_range = (-1.0, 1.0)
    observation_space: Any = None
    action_space: Any = None

    @property
    def unwrapped(self) -> Any:
        """Itself."""
        return self

    def seed(self, *_: object) -> list[int]:
        """Needs none."""
        return [0]

    def close(self) -> None:
        """Holds nothing."""

    def render(self, *_: object, **__: object) -> Any:
        """A picture."""
        return _numpy().zeros(SCREEN, dtype="uint8")


class Wrapper(Env):
    """Asks another environment."""

    def __init__(self, env: Any) -> None:
        """`env` is the other one."""
        self.env = env

    def __getattr__(self, name: str) -> Any:
        if name == "env" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.env, name)

    def __getattribute__(self, name: str) -> Any:
        if name in ("observation_space", "action_space"):
            own = object.__getattribute__(self, "__dict__")
            return own.get(name) or getattr(own["env"], name)
        return object.__getattribute__(self, name)

    def reset(self, **kwargs: Any) -> Any:
        """As the other one."""
        found = self.env.reset(**kwargs)
        return self.observation(found) if hasattr(self, "observation") else found

    def step(self, action: Any) -> Any:
        """As the other one."""
        action = self.action(action) if hasattr(type(self), "action") else action
        first, reward, *rest = self.env.step(action)
        first = self.observation(first) if hasattr(type(self), "observation") else first
        return (first, self.reward(reward) if hasattr(type(self), "reward") else reward, *rest)


class Game:
    """What is asked of a game of Atari besides."""

    ale = SimpleNamespace(lives=lambda: 3)

    def get_action_meanings(self) -> list[str]:
        """The buttons."""
        return ["NOOP", "FIRE", "UP", "RIGHT", "LEFT", "DOWN"]


class MadeUp(Game, Env):
    """An environment by its name."""

    def __init__(self, name: str) -> None:
        """See `SIZES`."""
        seen, acts = next((seen, acts) for part, seen, acts in SIZES if re.search(part, name))
        picture = not isinstance(seen, int) and len(seen) > 1
        if isinstance(seen, int):
            self.observation_space: Any = Discrete(seen)
        else:
            self.observation_space = Box(0, 255, seen, "uint8") if picture else Box(-1, 1, seen)
        self.action_space = Discrete(acts) if acts > 0 else Box(-1, 1, (-acts,))
        self.spec = ModuleType(name)
        self.spec.__dict__.update(id=name, max_episode_steps=STEPS, reward_threshold=1.0)
        self._max_episode_steps = STEPS
        self._step = 0

    def __getattr__(self, name: str) -> Any:
        """What the real one is in, or a limit of it, such as `x_threshold`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self.observation_space.sample() if name == "state" else 1.0

    def reset(self, **_: Any) -> Any:
        """The first observation, with what is known of it where the program takes two."""
        self._step = 0
        first = self.observation_space.sample()
        return (first, {}) if unpacked(sys._getframe(1)) == 2 else first

    def step(self, _action: Any) -> Any:
        """The next observation, a reward and whether it is over, in as many parts as the program takes."""
        self._step += 1
        over = self._step >= STEPS
        ASKED.append("reward")
        first, reward = self.observation_space.sample(), rewarded(self._step)
        if unpacked(sys._getframe(1)) == 5:
            return first, reward, over, False, {}
        return first, reward, over, {}


def rewarded(step: int) -> float:
    """So little that no program takes its task for solved."""
    return -10.0 * (step % 2 + 1)


def unpacked(frame: FrameType | None) -> int:
    """How many parts the program takes what is returned to this frame apart into, 0 where that is not seen."""
    while frame is not None:
        after = _after(frame.f_code, frame.f_lasti)
        if after[0] == "UNPACK_SEQUENCE":
            return after[1]
        if after[0] != "RETURN_VALUE":
            return 0
        frame = frame.f_back
    return 0


def taken_apart(frame: FrameType | None) -> int:
    """Into how many parts what this frame iterates over right now is taken apart, 0 where it is not."""
    if frame is None:
        return 0
    now = next((each for each in dis.get_instructions(frame.f_code) if each.offset == frame.f_lasti), None)
    if now is None or not now.opname.startswith("UNPACK"):
        return 0
    return int(now.arg or 0) if now.opname == "UNPACK_SEQUENCE" else (int(now.arg or 0) & 0xFF) + 2


def is_entered(frame: FrameType | None) -> bool:
    """Whether the program takes what is returned to this frame as a `with` does."""
    return frame is not None and _after(frame.f_code, frame.f_lasti)[0] == "BEFORE_WITH"


def _after(code: CodeType, at: int) -> tuple[str, int]:
    following = next((each for each in dis.get_instructions(code) if each.offset > at), None)
    return ("", 0) if following is None else (following.opname, int(following.arg or 0))


def module(stand: Any) -> ModuleType:
    """`gym` itself; what is not here is of `stand`."""
    gym = ModuleType("gym")
    spaces = ModuleType("gym.spaces")
    spaces.__dict__.update(Discrete=Discrete, Box=Box, Space=Space)
    kinds = {name: type(name, (Wrapper,), {}) for name in ("ObservationWrapper", "ActionWrapper", "RewardWrapper")}
    gym.__dict__.update(
        make=lambda name, *_, **__: MadeUp(str(name)), Env=Env, Wrapper=Wrapper, spaces=spaces, Space=Space, **kinds,
        __version__="0.25.2",
    )  # fmt: skip
    for each in (gym, spaces):
        each.__dict__["__getattr__"] = lambda name: getattr(stand, name)
    return gym


def installed(replace: Callable[[Any, str, Any], None]) -> None:
    """Have an environment that `gymnasium` does not know, or lacks a package for, made up by its name."""
    for package in ("gymnasium", "gym"):
        library = sys.modules.get(package)
        if library is not None and getattr(library, "__file__", None):
            replace(library, "make", _making(library, library.make))


def _making(library: Any, plain: Any) -> Any:
    def make(name: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return plain(name, *args, **kwargs)
        except Exception:  # noqa: BLE001 - of whatever kind: it is not to be had
            env = MadeUp(str(name))
            kind = type("MadeUp", (_Foreign, library.Env), {})()
            seen, acts = env.observation_space, env.action_space
            spaces = library.spaces
            kind.observation_space = (
                spaces.Discrete(seen.n) if seen.n else spaces.Box(seen.low, seen.high, seen.shape, seen.dtype)
            )
            kind.action_space = (
                spaces.Discrete(acts.n) if acts.n else spaces.Box(acts.low, acts.high, acts.shape, acts.dtype)
            )
            return kind

    return make


class _Foreign(Game):
    """What `reset` and `step` of an environment of another library give."""

    observation_space: Any
    metadata: dict[str, Any] = {}  # noqa: RUF012 - as in gym
    render_mode = "rgb_array"
    _step = 0

    def reset(self, **_: Any) -> Any:
        """The first observation."""
        self._step = 0
        return self.observation_space.sample(), {}

    def step(self, _action: Any) -> Any:
        """The next one."""
        self._step += 1
        ASKED.append("reward")
        return self.observation_space.sample(), rewarded(self._step), self._step >= STEPS, False, {}

    def render(self) -> Any:
        """A picture."""
        return _numpy().zeros(SCREEN, dtype="uint8")


def _numpy() -> Any:
    return __import__("numpy")
