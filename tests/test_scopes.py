"""Which definitions reach a use: branches, loops, handlers, unpacking, attributes, mutations; and where it ends."""

from __future__ import annotations

import random
import sys
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from programs import IMPORTS, cases, emission, hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from programs import Program

PROGRAMS: dict[str, Program] = {
    "undecided branches join": """
layer = nn.Linear(4, 3)
def f(x, flag):
    z = layer(x)
    if flag:
        z = z.softmax(1)
    return z
a = f(x, c)  # emits: logit, 3 units | simplex(1), 3 units
""",
    "what a loop stores it reads in later turns, and not before": """
parts = [nn.Linear(4, 3), nn.Linear(3, 2), nn.Linear(2, 5)]
for i in range(3):
    parts[i] = nn.Sequential(parts[i], nn.Softmax(1))
a = parts[1](nn.Linear(7, 3)(x))  # emits: simplex(1), 2 units
""",
    "a comprehension draws from what is around it": """
widths = [4, 3, 2]
parts = [nn.Linear(widths[i], width) for i, width in enumerate(widths[1:])]
a = parts[1](x)  # emits: logit, 2 units
""",
    "decided branch": """
layer = nn.Linear(4, 3)
def f(x, flag):
    z = layer(x)
    if flag:
        z = z.softmax(1)
    else:
        z = z.sigmoid()
    return z
a = f(x, True)  # emits: simplex(1), 3 units
b = f(x, False)  # emits: unit, 3 units
c = f(x, flag=None)  # emits: unit, 3 units
d = f(x, 0)  # emits: unit, 3 units
e = f(x, "yes")  # emits: simplex(1), 3 units
""",
    "elif chain with constants": """
layer = nn.Linear(4, 3)
def f(x, kind):
    if kind == "softmax":
        z = layer(x).softmax(1)
    elif kind == "sigmoid":
        z = layer(x).sigmoid()
    elif kind in ("tanh", "th"):
        z = layer(x).tanh()
    else:
        z = layer(x)
    return z
a = f(x, "softmax")  # emits: simplex(1), 3 units
b = f(x, "sigmoid")  # emits: unit, 3 units
c = f(x, "th")  # emits: sym1, 3 units
d = f(x, "none")  # emits: logit, 3 units
e = f(x, cfg.kind)  # emits: logit, 3 units | simplex(1), 3 units | sym1, 3 units | unit, 3 units
""",
    "a definition behind both branches hides them": """
layer = nn.Linear(4, 3)
def f(x, flag):
    if flag:
        z = layer(x).softmax(1)
    else:
        z = layer(x).sigmoid()
    z = layer(x)
    return z
a = f(x, c)  # emits: logit, 3 units
""",
    "a branch decided true kills earlier ones": """
layer = nn.Linear(4, 3)
USE = True
def f(x):
    z = layer(x)
    if USE:
        z = z.softmax(1)
    return z
a = f(x)  # emits: simplex(1), 3 units
""",
    "early return": """
layer = nn.Linear(4, 3)
def f(x, flag):
    z = layer(x)
    if flag:
        return z
    return z.softmax(1)
a = f(x, True)  # emits: logit, 3 units
b = f(x, False)  # emits: simplex(1), 3 units
c = f(x, unknown_name())  # emits: logit, 3 units | simplex(1), 3 units
""",
    "early return, negated guard and else": """
layer = nn.Linear(4, 3)
def f(x, flag):
    z = layer(x)
    if not flag:
        return z
    else:
        z = z.softmax(1)
    return z
a = f(x, True)  # emits: simplex(1), 3 units
b = f(x, False)  # emits: logit, 3 units
""",
    "early raise": """
layer = nn.Linear(4, 3)
def f(x, kind):
    z = layer(x)
    if kind == "softmax":
        z = z.softmax(1)
    else:
        raise ValueError(kind)
    return z
a = f(x, cfg.kind)  # emits: simplex(1), 3 units
""",
    "code behind a return is not reached": """
layer = nn.Linear(4, 3)
def f(x):
    z = layer(x)
    return z
    z = z.softmax(1)
    return z
a = f(x)  # emits: logit, 3 units
""",
    "loop carried": """
layer = nn.Linear(4, 3)
def f(xs):
    z = layer(xs)
    for x in xs:
        F.mse_loss(z, x)
        y = z
        z = layer(x).sigmoid()
    return y
a = f(xs)  # emits: logit, 3 units | unit, 3 units
""",
    "loop entered from behind, last element skipped": """
def f(x):
    layers = [nn.Linear(4, 8), nn.Linear(8, 3)]
    for i, layer in enumerate(layers):
        x = layer(x)
        if i < len(layers) - 1:
            x = torch.relu(x)
    return x
a = f(x)  # emits: logit, 3 units
""",
    "loop variable after the loop": """
def f(x):
    for layer in [nn.Linear(4, 8), nn.Linear(8, 3)]:
        pass
    return layer(x)
a = f(x)  # emits: logit, 3 units
""",
    "a loop whose body always writes is taken to run": """
layer = nn.Linear(4, 3)
def f(x):
    z = layer(x)
    while not done(z):
        z = layer(x).softmax(1)
    return z
a = f(x)  # emits: simplex(1), 3 units
""",
    "while True with break": """
layer = nn.Linear(4, 3)
def f(x):
    while True:
        z = layer(x).softmax(1)
        if done(z):
            break
    return z
a = f(x)  # emits: simplex(1), 3 units
""",
    "the else of a loop": """
layer = nn.Linear(4, 3)
def f(xs):
    for x in xs:
        z = layer(x)
        if good(z):
            break
    else:
        z = layer(xs).softmax(1)
    return z
a = f(xs)  # emits: logit, 3 units | simplex(1), 3 units
""",
    "try": """
layer = nn.Linear(4, 3)
def f(x):
    try:
        z = layer(x).softmax(1)
    except RuntimeError:
        z = layer(x)
    return z
a = f(x)  # emits: logit, 3 units | simplex(1), 3 units
""",
    "a handler may follow any statement of the body": """
layer = nn.Linear(4, 3)
def f(x):
    z = layer(x)
    try:
        z = z.softmax(1)
        risky()
        z = torch.sigmoid(layer(x))
    except RuntimeError:
        pass
    return z
a = f(x)  # emits: logit, 3 units | simplex(1), 3 units | unit, 3 units
""",
    "finally": """
layer = nn.Linear(4, 3)
def f(x):
    try:
        z = layer(x)
    finally:
        z = layer(x).softmax(1)
    return z
a = f(x)  # emits: simplex(1), 3 units
""",
    "try else": """
layer = nn.Linear(4, 3)
def f(x):
    try:
        import nothing
    except ImportError:
        z = layer(x)
    else:
        z = layer(x).softmax(1)
    return z
a = f(x)  # emits: logit, 3 units | simplex(1), 3 units
""",
    "handler that raises": """
layer = nn.Linear(4, 3)
def f(x):
    z = layer(x)
    try:
        z = z.softmax(1)
    except RuntimeError:
        raise
    return z
a = f(x)  # emits: simplex(1), 3 units
""",
    "what the body did is seen from its handler": """
layer = nn.Linear(4, 3)
def f(x):
    z = layer(x)
    try:
        z = z.softmax(1)
        risky()
    except RuntimeError:
        return z
    return layer(x).sigmoid()
a = f(x)  # emits: logit, 3 units | simplex(1), 3 units | unit, 3 units
""",
    "with": """
layer = nn.Linear(4, 3)
def f(x):
    z = layer(x)
    with torch.no_grad():
        z = z.softmax(1)
    return z
a = f(x)  # emits: simplex(1), 3 units
""",
    "what __enter__ gives": """
layer = nn.Linear(4, 3)
class Held:
    def __init__(self, net): self.net = net
    def __enter__(self): return self.net
    def __exit__(self, *e): pass
with Held(layer) as held:
    a = held(x)  # emits: logit, 3 units
""",
    "dotted keys": """
class Box: pass
box = Box()
box.net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
a = box.net(x)  # emits: simplex(1), 3 units
box.net = nn.Linear(4, 3)
b = box.net(x)  # emits: logit, 3 units
box.inner = Box()
box.inner.net = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())
c = box.inner.net(x)  # emits: unit, 3 units
""",
    "an object replaced behind its attribute": """
class Box:
    def __init__(self): self.net = nn.Linear(4, 3)
box = Box()
box.net = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
box = Box()
a = box.net(x)  # emits: logit, 3 units
""",
    "setattr": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        setattr(self, "head", nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)))
    def forward(self, x):
        return self.head(x)
a = Net()(x)  # emits: simplex(1), 3 units
""",
    "setattr prefix": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        for i in range(3):
            setattr(self, f"fc{i}", nn.Linear(4, 4))
        setattr(self, "fc" + str(3), nn.Softmax(1))
        self.last = nn.Linear(4, 3)
    def forward(self, x):
        for i in range(3):
            x = getattr(self, f"fc{i}")(x)
        return self.last(x)
    def probabilities(self, x):
        return self.fc3(self.last(x))
a = Net()(x)  # emits: logit, 3 units
b = Net().probabilities(x)  # emits: simplex(1), 3 units
""",
    "setattr from outside": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 3)
    def forward(self, x):
        return self.head(x)
net = Net()
setattr(net, "head", nn.Sequential(nn.Linear(4, 2), nn.Sigmoid()))
a = net(x)  # emits: unit, 2 units
""",
    "mutations in order": """
layers = [nn.Linear(4, 3)]
layers.append(nn.Softmax(1))
a = nn.Sequential(*layers)(x)  # emits: simplex(1), 3 units
layers.pop()
b = nn.Sequential(*layers)(x)  # emits: logit, 3 units
layers += [nn.Sigmoid()]
c = nn.Sequential(*layers)(x)  # emits: unit, 3 units
layers.insert(0, nn.Linear(9, 4))
d = nn.Sequential(*layers)(x)  # emits: unit, 3 units
layers[-1] = nn.Tanh()
e = nn.Sequential(*layers)(x)  # emits: sym1, 3 units
layers.extend([nn.Linear(3, 2), nn.Softmax(dim=1)])
f = nn.Sequential(*layers)(x)  # emits: simplex(1), 2 units
layers.clear()
layers.append(nn.Linear(4, 7))
h = nn.Sequential(*layers)(x)  # emits: logit, 7 units
""",
    "a layer appended under a condition": """
layers = [nn.Linear(4, 3)]
if cfg.soft:
    layers.append(nn.Softmax(1))
a = nn.Sequential(*layers)(x)  # emits: logit, 3 units | simplex(1), 3 units
""",
    "augmented": """
z = nn.Linear(4, 3)(x).sigmoid()
z *= 2
a = z  # emits: bnd(0, 2), 3 units
z -= 1
b = z  # emits: sym1, 3 units
""",
    "del and rebind": """
z = nn.Linear(4, 3)(x).sigmoid()
del z
z = nn.Linear(4, 3)(x)
a = z  # emits: logit, 3 units
""",
    "unpacking": """
p, (q, *r) = nn.Linear(4, 3)(x).softmax(1), (nn.Linear(4, 3)(x), 1, nn.Linear(4, 3)(x).tanh())
a = p  # emits: simplex(1), 3 units
b = q  # emits: logit, 3 units
c = r[-1]  # emits: sym1, 3 units
first, *middle, last = [nn.Linear(4, 3)(x), 1, 2, nn.Linear(4, 3)(x).sigmoid()]
d = last  # emits: unit, 3 units
p, q = q, p
e = p  # emits: logit, 3 units
f = q  # emits: simplex(1), 3 units
g = h = p
i = g  # emits: logit, 3 units
""",
    "a global written in the function that reads it": """
z = nn.Linear(4, 3)(x)
def change():
    global z
    z = z.softmax(1)
    return z
a = change()  # emits: simplex(1), 3 units
""",
    "match joins its cases": """
layer = nn.Linear(4, 3)
def f(x, kind):
    match kind:
        case "softmax":
            z = layer(x).softmax(1)
        case "sigmoid":
            z = layer(x).sigmoid()
        case _:
            z = layer(x)
    return z
a = f(x, cfg.kind)  # emits: logit, 3 units | simplex(1), 3 units | unit, 3 units
""",
    "match is decided by its subject": """
layer = nn.Linear(4, 3)
def f(x, kind):
    match kind:
        case "softmax":
            z = layer(x).softmax(1)
        case _:
            z = layer(x)
    return z
a = f(x, "softmax")  # emits: simplex(1), 3 units
b = f(x, "no")  # emits: logit, 3 units
""",
    "comprehension variable is its own": """
layer = nn.Linear(4, 3)
z = layer(x)
zs = [z.softmax(1) for z in [z]]
a = z  # emits: logit, 3 units
b = zs[0]  # emits: simplex(1), 3 units
""",
    "class body names are not seen by methods": """
z = nn.Linear(4, 3)
class Net:
    z = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
    def forward(self, x):
        return z(x)
    def own(self, x):
        return self.z(x)
a = Net().forward(x)  # emits: logit, 3 units
b = Net().own(x)  # emits: simplex(1), 3 units
""",
    "function redefined": """
def f(x):
    return nn.Linear(4, 3)(x)
def f(x):
    return nn.Linear(4, 3)(x).softmax(1)
a = f(x)  # emits: simplex(1), 3 units
""",
    "function defined under a condition": """
if torch.cuda.is_available():
    def f(x):
        return nn.Linear(4, 3)(x)
else:
    def f(x):
        return nn.Linear(4, 3)(x).softmax(1)
a = f(x)  # emits: logit, 3 units | simplex(1), 3 units
""",
    "a global read in a function means what the call sees": """
z = nn.Linear(4, 3)
def f(x):
    return z(x)
a = f(x)  # emits: logit, 3 units
z = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
b = f(x)  # emits: simplex(1), 3 units
""",
    "more alternatives than are told apart": """
layer = nn.Linear(4, 3)
def f(x, k):
    if k == 0: z = layer(x).softmax(1)
    elif k == 1: z = layer(x).sigmoid()
    elif k == 2: z = layer(x).tanh()
    elif k == 3: z = layer(x).relu()
    elif k == 4: z = layer(x).exp()
    elif k == 5: z = layer(x).abs()
    elif k == 6: z = layer(x).clamp(0, 5)
    elif k == 7: z = layer(x).clamp(0, 6)
    elif k == 8: z = layer(x).clamp(0, 7)
    elif k == 9: z = layer(x).clamp(0, 8)
    elif k == 10: z = layer(x).clamp(0, 9)
    elif k == 11: z = layer(x).clamp(0, 10)
    elif k == 12: z = layer(x).clamp(0, 11)
    elif k == 13: z = layer(x).clamp(0, 12)
    elif k == 14: z = layer(x).clamp(0, 13)
    elif k == 15: z = layer(x).clamp(0, 14)
    elif k == 16: z = layer(x).clamp(0, 15)
    else: z = layer(x).clamp(0, 17)
    return z
a = f(x, cfg.k)  # emits: unknown
b = f(x, 3)  # emits: nonneg, 3 units
""",
    "an element deleted": """
layers = [nn.Linear(4, 3), nn.Softmax(1)]
del layers[-1]
a = nn.Sequential(*layers)(x)  # emits: logit, 3 units
""",
    "continue": """
layer = nn.Linear(4, 3)
def f(xs):
    z = layer(xs)
    for x in xs:
        if x is None:
            z = z.softmax(1)
            continue
        z = layer(x)
    return z
a = f(xs)  # emits: logit, 3 units | simplex(1), 3 units
""",
    "break": """
layer = nn.Linear(4, 3)
def f(xs):
    for x in xs:
        z = layer(x)
        if bad(x):
            z = z.softmax(1)
            break
    return z
a = f(xs)  # emits: logit, 3 units | simplex(1), 3 units
""",
    "walrus": """
layer = nn.Linear(4, 3)
def f(x):
    if (z := layer(x)) is not None:
        return z.softmax(1)
    return z
def g(x):
    y = (z := layer(x)).softmax(1)
    return z
def h(x):
    print(z := layer(x))
    return z
def k(x):
    return (z := layer(x)).tanh() if x else z
a = f(x)  # emits: simplex(1), 3 units
b = g(x)  # emits: logit, 3 units
c = h(x)  # emits: logit, 3 units
d = k(True)  # emits: sym1, 3 units
""",
    "walrus in the test of a loop": """
layer = nn.Linear(4, 3)
def f(x):
    while (z := layer(x)).sum() > 0:
        z = z.sigmoid()
    return z
a = f(x)  # emits: logit, 3 units
""",
    "walrus in other statements": """
layer = nn.Linear(4, 3)
def f(x):
    for i in range(int((z := layer(x)).sum())):
        pass
    return z
def g(x):
    with held(z := layer(x)):
        pass
    return z
def h(x):
    z = layer(x).softmax(1)
    assert (z := layer(x)) is not None
    return z
a = f(x)  # emits: logit, 3 units
b = g(x)  # emits: logit, 3 units
c = h(x)  # emits: logit, 3 units
""",
    "a method that ends in an underscore": """
z = nn.Linear(4, 3)(x)
z.sigmoid_()
a = z  # emits: unit, 3 units
z = nn.Linear(4, 3)(x)
z.softmax(1)
b = z  # emits: logit, 3 units
""",
    "a function that changes its argument": """
z = nn.Linear(4, 3)(x)
torch.sigmoid_(z)
a = z  # emits: unit, 3 units
z = nn.Linear(4, 3)(x)
F.relu(z, inplace=True)
b = z  # emits: nonneg, 3 units
""",
    "the last iteration of a loop over layers": """
def f(x):
    for layer in [nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.LogSoftmax(1)]:
        x = layer(x)
    return x
a = f(x)  # emits: logp(1)
""",
    "a body that always returns, and a handler that goes on": """
layer = nn.Linear(4, 3)
def f(x):
    try:
        return layer(x).softmax(1)
    except RuntimeError:
        pass
    return layer(x)
a = f(x)  # emits: logit, 3 units | simplex(1), 3 units
""",
    "a name that only its own statement defines": """
z = torch.sigmoid(z)
a = z  # emits: unit
out = out.softmax(1)
b = out  # emits: simplex(1)
net = nn.Sequential(net, nn.Tanh())
c = net(x)  # emits: sym1
""",
    "a network that grows in a loop": """
net = nn.Linear(4, 3)
for _ in range(3):
    net = nn.Sequential(net, nn.Tanh())
a = net(x)  # emits: sym1
""",
    "two widths": """
layer = nn.Linear(4, 1) if cfg.one else nn.Linear(4, 10)
a = layer(x)  # emits: logit, 1 unit | logit, 10 units
""",
    "a list comprehension sees the loop around it": """
zs = [layer(x) for layer in (nn.Linear(4, 3), nn.Sequential(nn.Linear(4, 2), nn.Sigmoid()))]
a = zs[0]  # emits: logit, 3 units
b = zs[-1]  # emits: unit, 2 units
""",
    "membership and its negation": """
def f(x):
    z = nn.Linear(4, 3)(x)
    if kind in ("a", "b"):
        z = z.softmax(1)
        if kind in ("a", "b"):
            z = nn.Linear(4, 3)(x)
    return z
a = f(x)  # emits: logit, 3 units
""",
}
WRONG = {
    "a handler may follow any statement of the body": "only the whole body or nothing of it",
    "what the body did is seen from its handler": "the body is passed over",
    "what __enter__ gives": "taken for the context manager itself",
    "an object replaced behind its attribute": "the attribute of the object before is read",
    "an element deleted": "`del` of an element is no write",
    "walrus in the test of a loop": "taken for a write of the last iteration",
    "walrus in other statements": "only in tests, assignments, calls and returns",
    "a function that changes its argument": "only methods change their object",
    "a body that always returns, and a handler that goes on": "what follows is taken for unreachable",
    "membership and its negation": "not known to exclude each other",
    "two widths": "a width that is not asked for yet lies outside equality",
}


@pytest.mark.parametrize("program", cases(PROGRAMS, WRONG))
def test_the_definitions_that_reach_a_use(program: Program, tmp_path: Path) -> None:
    hold(tmp_path, program)


@pytest.mark.parametrize(("count", "told"), [(3, "logit, 3 units | unit, 3 units"), (60, "unknown")])
def test_a_list_of_definitions_that_was_cut_short_is_unknown(count: int, told: str, tmp_path: Path) -> None:
    branches = "".join(f"    if c[{n}]:\n        z = layer(x).sigmoid()\n" for n in range(count))
    program = f"layer = nn.Linear(4, 3)\ndef f(x, c):\n    z = layer(x)\n{branches}    return z\n"
    hold(tmp_path, f"{program}a = f(x, c)  # emits: {told}\n")


# --- the same program, run --------------------------------------------------------------------------------------------

EMITTED = {
    "layer(x)": "logit, 4 units",
    "layer(x).softmax(1)": "simplex(1), 4 units",
    "layer(x).sigmoid()": "unit, 4 units",
    "layer(x).tanh()": "sym1, 4 units",
    "layer(x).relu()": "nonneg, 4 units",
    "layer(x).log_softmax(1)": "logp(1), 4 units",
}
VALUES = st.sampled_from(sorted(EMITTED))
FLAGS = ("f0", "f1", "f2")
WORDS = ("w0", "w1")
TESTS = st.builds(
    str.format,
    st.sampled_from(("{0}", "not {0}", '{1} == "a"', '{1} != "a"', '{1} == "b"')),
    st.sampled_from(FLAGS),
    st.sampled_from(WORDS),
)


def assignments() -> st.SearchStrategy[list[str]]:
    return st.builds("{} = {}".format, st.sampled_from("zw"), VALUES | st.sampled_from("zw")).map(lambda line: [line])


def statements(kinds: frozenset[str], depth: int) -> st.SearchStrategy[list[str]]:
    """The lines of one statement; a compound one is among `kinds`."""
    if not depth:
        return assignments()
    body = blocks(kinds, depth - 1).map(lambda lines: [f"    {line}" for line in lines])

    def compound(*parts: str | st.SearchStrategy[Any]) -> st.SearchStrategy[list[str]]:
        pieces = [st.just(part) if isinstance(part, str) else part for part in parts]
        return st.tuples(*pieces).map(lambda found: [i for p in found for i in ([p] if isinstance(p, str) else p)])

    tests = TESTS if "words" in kinds else st.sampled_from((*FLAGS, *(f"not {flag}" for flag in FLAGS)))
    heads = tests.map(lambda test: [f"if {test}:"])
    made = {
        "if": compound(heads, body) | compound(heads, body, "else:", body),
        "elif": compound(heads, body, tests.map(lambda test: [f"elif {test}:"]), body, "else:", body),
        "for": compound("for _ in rounds():", body),
        "while": compound("while more():", body),
        "with": compound("with torch.no_grad():", body),
        "try": compound("try:", "    risky()", body, "except RuntimeError:", body),
        "finally": compound("try:", body, "finally:", VALUES.map(lambda value: [f"    w = {value}"])),
        "return": compound(heads, "    return z"),
    }
    return st.one_of(assignments(), assignments(), *(made[kind] for kind in sorted(kinds - {"words"})))


def blocks(kinds: frozenset[str], depth: int) -> st.SearchStrategy[list[str]]:
    """The lines of up to three statements."""
    return st.lists(statements(kinds, depth), min_size=1, max_size=5 - depth).map(
        lambda parts: [i for p in parts for i in p]
    )


class Tensor:
    """Knows the expression that made it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __getattr__(self, name: str) -> Callable[..., Tensor]:
        return lambda *given: Tensor(f"{self.text}.{name}({', '.join(map(str, given))})")


class Torch:
    """Its contexts do nothing."""

    class no_grad:  # noqa: N801 - as torch calls it
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...


class Chance:
    """What the program asks the world for. A loop runs at least once: so the engine reads it, too."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.inside: set[int] = set()

    def rounds(self) -> range:
        return range(self.random.choice((1, 2)))

    def more(self) -> bool:
        loop = sys._getframe(1).f_lineno  # noqa: SLF001 - which one asks
        self.inside ^= {loop} if loop not in self.inside or self.random.random() < 0.7 else set()
        return loop in self.inside

    def risky(self) -> None:
        if self.random.random() < 0.5:
            raise RuntimeError


def outcomes(lines: list[str], tries: int) -> Iterator[str]:
    """What running the function can give, over all flags and words."""
    source = compile("\n".join(["def f(x):", *(f"    {line}" for line in lines)]), "f", "exec")
    for seed in range(tries):
        chance = Chance(seed)
        world = {"layer": lambda _: Tensor("layer(x)"), "torch": Torch}
        world |= {name: getattr(chance, name) for name in ("rounds", "more", "risky")}
        exec(source, world)
        for flags in product((False, True), repeat=len(FLAGS)):
            for words in product("abc", repeat=len(WORDS)):
                world.update(zip((*FLAGS, *WORDS), (*flags, *words), strict=True))
                run: Any = world["f"]
                yield EMITTED[run("x").text]


def told(lines: list[str], folder: Path) -> set[str]:
    """What the engine says of the same function."""
    program = [
        "layer = nn.Linear(5, 4)",
        "x = torch.randn(3, 5)",
        "def f(x):",
        *(f"    {i}" for i in lines),
        "a = f(x)",
    ]
    path = folder / "program.py"
    path.write_text(IMPORTS + "\n".join(program), encoding="utf-8")
    return set(emission(path, len(program) + 1).split(" | "))


def function(kinds: str, depth: int = 2) -> st.SearchStrategy[list[str]]:
    first = ["z = layer(x)", "w = layer(x).tanh()"]
    return blocks(frozenset(kinds.split()), depth).map(lambda lines: [*first, *lines, "return z"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


@pytest.mark.parametrize(
    "kinds", ["if elif return words", "if for return words", "if for while with", "if try finally with"]
)
@hypothesis(max_examples=80, deadline=None, derandomize=True)
@given(data=st.data())
def test_nothing_that_running_a_program_leaves_is_missed(kinds: str, data: st.DataObject, folder: Path) -> None:
    lines = data.draw(function(kinds))
    found = told(lines, folder)
    assert found == {"unknown"} or found >= set(outcomes(lines, 6))
