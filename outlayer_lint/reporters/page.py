"""The frame of the HTML page: its style, its few lines of script, and where the parts go. It loads nothing."""

STYLE = """\
:root { color-scheme: light dark; --ground: #fff; --soft: #f4f5f7; --line: #c9ced6; --text: #1c2330; --faint: #566074;
  --contradicted: #b3261e; --unresolved: #7a5900; --consistent: #1a6e3c; --unused: #566074; --focus: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171c; --soft: #1d2129; --line: #3b4350; --text: #e7eaf0;
  --faint: #a3adbd; --contradicted: #ff8a80; --unresolved: #f2c14e; --consistent: #6fd695; --unused: #a3adbd;
  --focus: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--text);
  background: var(--ground); }
header, .sides { max-width: 1280px; margin: 0 auto; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; margin: 1.25rem 0 .25rem; }
h2 { font-size: 1rem; margin: 0; display: inline; overflow-wrap: anywhere; }
header p { margin: .25rem 0; max-width: 75ch; }
.tools { position: sticky; top: 0; z-index: 1; background: var(--ground); border-bottom: 1px solid var(--line);
  margin-top: .75rem; }
.tools > div { max-width: 1280px; margin: 0 auto; padding: .6rem 1.25rem; display: flex; flex-wrap: wrap; gap: .5rem;
  align-items: center; }
input, .tools button { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--line);
  border-radius: 8px; padding: .3rem .7rem; }
input { min-width: 16rem; flex: 1; }
.tools button { cursor: pointer; border-color: currentColor; }
.tools button[aria-pressed="false"] { text-decoration: line-through; border-style: dashed; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.contradicted, .tools .contradicted { color: var(--contradicted); }
.unresolved, .tools .unresolved { color: var(--unresolved); }
.consistent, .tools .consistent { color: var(--consistent); } .unused, .tools .unused { color: var(--unused); }
.sides { display: grid; grid-template-columns: 17rem minmax(0, 1fr); gap: 1.5rem; align-items: start;
  padding-top: 1rem; }
nav { position: sticky; top: 7.5rem; max-height: calc(100vh - 8.5rem); overflow: auto; font-size: .85rem; }
nav ul { list-style: none; margin: 0; padding: 0; } nav li { padding: .15rem 0; overflow-wrap: anywhere; }
a { color: var(--focus); text-decoration: none; } a:hover { text-decoration: underline; }
.badge { white-space: nowrap; font-weight: 600; }
details.file { margin: 0 0 1.5rem; scroll-margin-top: 7.5rem; } summary { cursor: pointer; padding: .25rem 0; }
article { border: 1px solid var(--line); border-radius: 12px; padding: 1rem; margin: .6rem 0; background: var(--soft);
  content-visibility: auto; contain-intrinsic-size: auto 170px; }
svg { display: block; width: 100%; max-width: 960px; height: auto; }
svg text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--text); }
svg .title { font-weight: 650; font-size: 14px; } svg .third { fill: var(--faint); font-size: 12px; }
svg .second { font-size: 12px; }
.head rect, .consumer rect { fill: var(--ground); stroke: var(--line); stroke-width: 1.5; }
.consumer rect { rx: 32px; } .lonely rect { stroke-dasharray: 5 4; }
.consumer text { transform: translateX(10px); }
.link path { fill: none; stroke: currentColor; stroke-width: 2; }
.link rect { fill: var(--ground); stroke: currentColor; }
.link text { text-anchor: middle; fill: currentColor; font-size: 12px; font-weight: 650; }
.link.contradicted path { stroke-width: 3.5; } .link.unresolved path { stroke-dasharray: 6 5; }
svg.lit g:not(.near) { opacity: .18; }
article ul { list-style: none; margin: .75rem 0 0; padding: 0; font-size: .9rem; }
article li { display: grid; grid-template-columns: 1.5rem 1fr; padding: .15rem 0; }
article li > span:last-child { color: var(--text); overflow-wrap: anywhere; } .sign { font-weight: 700; }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; }
small { color: var(--faint); font-size: .85em; }
[hidden] { display: none !important; }
@media (max-width: 900px) { .sides { grid-template-columns: minmax(0, 1fr); } nav { display: none; } }
@media (max-width: 600px) { svg { display: none; } .tools { position: static; } input { min-width: 100%; } }
@media print { .tools, nav { display: none; } .sides { display: block; } article { break-inside: avoid; } }
"""

SCRIPT = """\
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const cards = all("article").map(node => ({ node, text: node.textContent.toLowerCase(),
    verdicts: node.dataset.verdicts.split(" ") }));
  const files = all("details.file").map(node => ({ node, name: node.querySelector("h2").textContent.toLowerCase(),
    entry: document.querySelector(`[data-of="${node.id}"]`) }));
  for (const card of cards) card.file = files.find(file => file.node === card.node.parentNode);
  const search = document.getElementById("search"), told = document.getElementById("told");
  const buttons = all("button[data-verdict]");
  const show = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const wanted = new Set(buttons.filter(b => b.getAttribute("aria-pressed") === "true").map(b => b.dataset.verdict));
    const open = new Set();
    let shown = 0;
    for (const card of cards) {
      const fits = card.verdicts.some(v => wanted.has(v))
        && words.every(word => card.text.includes(word) || card.file.name.includes(word));
      card.node.hidden = !fits;
      if (fits) { shown += 1; open.add(card.file); }
    }
    for (const file of files) { file.node.hidden = !open.has(file); file.entry.hidden = !open.has(file); }
    told.textContent = `${shown} of ${cards.length} shown`;
  };
  search.addEventListener("input", show);
  for (const button of buttons) button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    show();
  });
  document.addEventListener("keydown", event => {
    if (event.key === "/" && document.activeElement !== search) { event.preventDefault(); search.focus(); }
  });
  for (const svg of all("svg")) {
    const links = all(".link", svg);
    const light = node => {
      const at = node.dataset.node;
      const mine = links.filter(link => link.dataset.from === at || link.dataset.to === at);
      const near = new Set([at, ...mine.flatMap(link => [link.dataset.from, link.dataset.to])]);
      for (const link of links) link.classList.toggle("near", mine.includes(link));
      for (const box of all("[data-node]", svg)) box.classList.toggle("near", near.has(box.dataset.node));
      svg.classList.add("lit");
    };
    for (const node of all("[data-node]", svg)) {
      node.addEventListener("pointerenter", () => light(node));
      node.addEventListener("pointerleave", () => svg.classList.remove("lit"));
    }
  }
  for (const name of ["all", "none"]) document.getElementById(`open-${name}`).addEventListener("click", () => {
    for (const file of files) file.node.open = name === "all";
  });
  show();
})();
"""

PAGE = f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>What the models give, and who takes it</title>
<style>
{STYLE}</style>
</head>
<body>
<header>
<h1>What the models give, and who takes it</h1>
<p><!--summary--></p>
<p>A model's last step gives numbers of a certain kind: raw scores, probabilities, their logarithms. What takes them up
is made for one kind: a <b>loss</b>, from which the model learns; a <b>metric</b>, which measures it; a
<b>decision</b>, which makes an answer of it. A line joins the two ends.
<span class="consistent">✓ They fit.</span> <span class="contradicted">✕ They do not: nothing breaks, but the model
learns or is judged badly.</span> <span class="unresolved">? What arrives could not be followed, which is no
approval.</span></p>
</header>
<div class="tools"><div role="search" aria-label="Filter">
<input id="search" type="search" placeholder="Search models, files, losses   ( / )" aria-label="Search">
<!--buttons-->
<button type="button" id="open-all">Open all</button>
<button type="button" id="open-none">Close all</button>
<span id="told" role="status"></span>
</div></div>
<div class="sides">
<nav aria-label="Files"><ul>
<!--index--></ul></nav>
<main>
<!--empty--><!--files--></main>
</div>
<script>
{SCRIPT}</script>
</body>
</html>
"""
