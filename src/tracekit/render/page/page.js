"use strict";
// Everything that comes from the traced program is set as text, never as markup.
const maps = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);
const OPEN = 0.035, GAP = 0.012, ROOM = 1.04, TICKS = 8, PLOT = 240, MARGIN = 24, MOST_ROWS = 1000;
const SVG = "http://www.w3.org/2000/svg";
let map, entry, bars, now;

function make(tag, text, attributes) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  return made;
}

function drawn(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]);
  if (text !== undefined) made.textContent = text;
  return made;
}

// The shape of the picture: the rules of shape.py.

function place(value, logarithmic) {
  if (!logarithmic) return value;
  const size = Math.abs(value);
  return Math.sign(value) * (size < 1 ? size : 1 + Math.log2(size));
}

function multiples(low, high, base, ticks) {
  let step = 1, nth = 0;
  const next = base === 2 ? [2] : [2, 2.5, 2];
  while (Math.floor((high - low) / step) >= ticks) step *= next[nth++ % next.length];
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) found.push(at);
  return found;
}

function powers(low, high, base) {
  const most = Math.max(Math.abs(low), Math.abs(high), 1), log = (n) => Math.trunc(Math.log(n) / Math.log(base));
  const count = low <= 0 ? log(most) + 2 : log(most / low) + 1;
  const every = Math.ceil(count * (low < 0 && high > 0 ? 2 : 1) / TICKS);
  const sizes = [];
  for (let n = 0; base ** n <= most; n += every) sizes.push(base ** n);
  return [...sizes.map((n) => -n).reverse(), 0, ...sizes].filter((n) => low <= n && n <= high);
}

function tickText(value, base) {
  let size = BigInt(Math.abs(value));
  const sign = value < 0 ? "\u2212" : "";
  if (base === 2) {
    let decade = 0;
    while (decade < 6 && size && size % 1024n === 0n) { size /= 1024n; decade++; }
    return sign + size + ["", "K", "M", "G", "T", "P", "E"][decade];
  }
  const digits = String(size);
  if (digits.length > 6 && /^.0*$/.test(digits)) {
    const exponent = String(digits.length - 1).replace(/./g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
    return sign + (digits[0] === "1" ? "" : digits[0] + "·") + "10" + exponent;
  }
  return sign + digits;
}

function shape(across, up) {
  const found = entry[4].map((n, i) => ({ label: map.k[n][0], lo: map.k[n][1], hi: map.k[n][2], count: Number(entry[5][i]) }));
  const ends = found.flatMap((b) => [b.lo, b.hi]).filter((n) => n !== null);
  let low = ends.reduce((a, b) => Math.min(a, b)), high = ends.reduce((a, b) => Math.max(a, b));
  if (!across && low > 0 && low <= high / 4) low = 0;
  const left = found[0].lo === null ? OPEN + GAP : 0, right = found.at(-1).hi === null ? 1 - OPEN - GAP : 1;
  const start = place(low, across), span = place(high, across) - start || 1;
  const at = (n) => left + (right - left) * (place(n, across) - start) / span;
  const most = found.reduce((a, b) => Math.max(a, b.count), 0);
  const high_ = (n) => (up ? (n ? (Math.log10(n) + 0.3) / (Math.log10(most) + 0.3) : 0) : n / most) / ROOM;
  for (const b of found) {
    b.left = b.lo === null ? 0 : b.hi === null ? right + GAP : at(b.lo);
    b.right = b.lo === null ? OPEN : b.hi === null ? 1 : at(b.hi);
    b.height = high_(b.count);
  }
  const text = (values, base, where) => values.map((n) => ({ at: where(n), text: tickText(n, base) }));
  return {
    bars: found,
    across: text(across ? powers(low, high, map.b) : multiples(low, high, map.b, TICKS), map.b, at),
    up: text(up ? powers(0, most, 10) : multiples(0, most, 10, 5), 10, high_),
  };
}

function share(count, total) {
  let hundredths = (20000n * count + total) / (2n * total);
  if (count > 0n && count < total) hundredths = hundredths < 1n ? 1n : hundredths > 9999n ? 9999n : hundredths;
  return `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, "0")}%`;
}

function chosen(name) {
  return document.querySelector(`input[name=${name}]:checked`).value === "log";
}

function draw() {
  const old = by("chart").querySelector("svg"), width = Math.max(by("chart").clientWidth, 240);
  const found = shape(chosen("x"), chosen("y"));
  const left = 10 + Math.max(7 * Math.max(1, ...found.up.map((t) => t.text.length)), 14);
  const wide = width - left - MARGIN, top = 12;
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${PLOT + 44}`, role: "img", "aria-labelledby": "pt pd" });
  svg.append(drawn("title", { id: "pt" }, by("name").textContent), drawn("desc", { id: "pd" }, described()));
  const plot = drawn("g", { transform: `translate(${left} ${top})` });
  for (const tick of found.up) {
    const y = Math.round(PLOT - tick.at * PLOT) + 0.5;
    plot.append(drawn("path", { class: "tk-line", d: `M0 ${y}H${wide}` }));
    plot.append(drawn("text", { class: "tk-text tk-soft", "text-anchor": "end", x: -8, y: y + 4 }, tick.text));
  }
  // Ticks whose texts would touch on a narrow screen are left out.
  let free = -Infinity;
  for (const tick of found.across) {
    const x = tick.at * wide, half = 3.6 * tick.text.length + 4;
    if (x - half < free) continue;
    free = x + half;
    plot.append(drawn("path", { class: "tk-axis", d: `M${x} ${PLOT}v5` }));
    plot.append(drawn("text", { class: "tk-text tk-soft", "text-anchor": "middle", x, y: PLOT + 20 }, tick.text));
  }
  const mark = drawn("rect", { class: "mark", y: 0, height: PLOT, width: 0, id: "mark" });
  plot.append(mark);
  const paths = { "tk-bar": "", "tk-open": "" };
  for (const b of found.bars) {
    b.x = b.left * wide;
    b.width = Math.max((b.right - b.left) * wide - ((b.right - b.left) * wide > 3 ? 1 : 0), 1);
    const high = Math.max(b.height * PLOT, 1);
    paths[b.lo === null || b.hi === null ? "tk-open" : "tk-bar"] +=
      `M${b.x.toFixed(2)} ${PLOT}v${-high.toFixed(2)}h${b.width.toFixed(2)}v${high.toFixed(2)}z`;
  }
  for (const name in paths) plot.append(drawn("path", { class: name, d: paths[name] }));
  plot.append(drawn("path", { class: "tk-axis", d: `M0 ${PLOT}.5H${wide}` }));
  svg.append(plot);
  if (old) old.replaceWith(svg); else by("chart").prepend(svg);
  bars = found.bars;
  bars.left = left;
  point(now === undefined ? undefined : Math.min(now, bars.length - 1));
}

function described() {
  return [...document.querySelectorAll("#figures div")].map((d) => d.textContent.trim().replace(/\s+/g, " ")).join(", ");
}

// The bucket under the pointer or chosen by keys.

function point(n) {
  const cursor = by("cursor"), tip = by("tip"), mark = by("mark");
  for (const row of document.querySelectorAll("tr.here")) row.classList.remove("here");
  now = n;
  tip.hidden = n === undefined;
  mark.setAttribute("width", 0);
  cursor.setAttribute("aria-valuemax", bars.length);
  cursor.setAttribute("aria-valuenow", n === undefined ? 1 : n + 1);
  const row = by("rows").rows[n ?? 0], cells = [...row.cells].map((cell) => cell.textContent);
  const lines = [cells[0], `count ${cells[1]}`, `share ${cells[2]}`, `cumulative ${cells[3]}`];
  cursor.setAttribute("aria-valuetext", lines.join(", "));
  if (n === undefined) return;
  row.classList.add("here");
  mark.setAttribute("x", bars[n].x - 2);
  mark.setAttribute("width", bars[n].width + 4);
  tip.replaceChildren(make("b", lines[0]), ...lines.slice(1).map((line) => make("span", line)));
  const x = bars.left + bars[n].x, wide = by("chart").clientWidth - tip.offsetWidth;
  const beside = x > by("chart").clientWidth / 2 ? x - tip.offsetWidth - 10 : x + bars[n].width + 10;
  tip.style.left = `${Math.max(0, Math.min(beside, wide))}px`;
}

function nearest(x) {
  let best = 0, least = Infinity;
  bars.forEach((b, n) => {
    const away = Math.max(b.x - x, x - b.x - b.width, 0);
    if (away < least) { least = away; best = n; }
  });
  return best;
}

const cursor = by("cursor");
cursor.addEventListener("pointermove", (e) => point(nearest(e.clientX - cursor.getBoundingClientRect().left - bars.left)));
cursor.addEventListener("pointerleave", () => { if (document.activeElement !== cursor) point(); });
cursor.addEventListener("focus", () => point(now ?? 0));
cursor.addEventListener("blur", () => point());
cursor.addEventListener("keydown", (e) => {
  const last = bars.length - 1, at = now ?? 0;
  const to = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1,
    PageUp: at + 10, PageDown: at - 10, Home: 0, End: last }[e.key];
  if (e.key === "Escape") return point();
  if (to === undefined) return;
  e.preventDefault();
  point(Math.max(0, Math.min(to, last)));
});

// What is chosen, in figures, picture and table.

function heading(map, entry) {
  return entry[0] === null ? `${map.h}, all ${map.e.length - 1} keys together` : map.h + entry[0];
}

function show(m, e) {
  map = maps[m];
  entry = map.e[e];
  now = undefined;
  const scalar = map.s || !entry || !entry[4].length;
  by("name").textContent = map.s || !entry ? map.h : heading(map, entry);
  by("what").textContent = map.w;
  by("axes").hidden = by("chart").hidden = scalar;
  by("extra").textContent = scalar ? "" : entry[3];
  by("extra").hidden = !by("extra").textContent;
  const words = ["count", "sum", "mean", "min", "max", "p50", "p90", "p99"];
  const values = map.s || !entry ? [] : [...entry[1], ...entry[2]];
  by("figures").replaceChildren(...values.flatMap((value, n) => {
    if (!value) return [];
    const pair = make("div");
    pair.append(make("dt", words[n]), " ", make("dd", value));
    return [pair];
  }));
  if (map.s) entries(map); else if (!scalar) buckets();
  by("table").hidden = scalar && !map.s;
  by("table").className = map.s ? "keys" : "buckets";
  if (scalar) return;
  document.querySelector(`input[name=x][value=${map.l ? "log" : "linear"}]`).checked = true;
  draw();
}

function head(...names) {
  by("head").replaceChildren(...names.map((name) => make("th", name, { scope: "col" })));
}

function body(rows) {
  by("rows").replaceChildren(...rows.map(([first, ...rest]) => {
    const row = make("tr");
    row.append(make("th", first, { scope: "row" }), ...rest.map((text) => make("td", text)));
    return row;
  }));
}

function buckets() {
  const counts = entry[5].map(BigInt), total = counts.reduce((a, b) => a + b);
  let below = 0n;
  head("bucket", "count", "share", "cumulative");
  by("caption").textContent = `${counts.length} buckets with values; those without are left out`;
  by("more").hidden = true;
  body(entry[4].map((n, i) => {
    below += counts[i];
    return [map.k[n][0], String(counts[i]), share(counts[i], total), share(below, total)];
  }));
}

function entries(map) {
  const found = map.e.filter(([key]) => matches(map.h + key)), few = found.slice(0, MOST_ROWS);
  head("key", map.f);
  by("caption").textContent = `${found.length} of ${map.e.length} keys`;
  body(few.map(([key, value]) => [map.h + key, value]));
  by("more").textContent = `${found.length - few.length} more: find them by their names`;
  by("more").hidden = found.length === few.length;
}

// The list of what can be chosen.

function matches(text) {
  return text.toLowerCase().includes(by("search").value.trim().toLowerCase());
}

function list() {
  const first = [], rest = []; // every map is among the first, however many keys another one has
  maps.forEach((map, m) => (map.s ? [null] : map.e).forEach((entry, e) => {
    const text = entry ? heading(map, entry) : `${map.h} (${map.f}, ${map.e.length} keys)`;
    if (!matches(text) && (entry || !map.e.some(([key]) => matches(map.h + key)))) return;
    (e ? rest : first).push([text + (entry ? ` \u2002${entry[1][0]}` : ""), `${m} ${e}`]);
  }));
  const found = [...first, ...rest];
  by("list").replaceChildren(...found.slice(0, MOST_ROWS).map(([text, value]) => make("option", text, { value })));
  if (found.length > MOST_ROWS) {
    by("list").append(make("option", `${found.length - MOST_ROWS} more: find them by their names`, { disabled: "" }));
  }
  by("number").textContent = `${found.length} found`;
}

by("search").addEventListener("input", () => {
  list();
  if (map && map.s) entries(map);
});
by("list").addEventListener("change", () => show(...by("list").value.split(" ").map(Number)));
by("axes").addEventListener("change", draw);

if (maps.length) {
  const first = Math.max(maps.findIndex((map) => !map.s && map.e.length), 0);
  if (maps.reduce((n, map) => n + (map.s ? 2 : map.e.length), 0) > 1) {
    by("choose").hidden = false;
    list();
    by("list").value = `${first} 0`;
  }
  by("cursor").hidden = false;
  by("chart").classList.add("live");
  show(first, 0);
  let width = by("chart").clientWidth;
  new ResizeObserver(() => {
    if (by("chart").hidden || by("chart").clientWidth === width) return;
    width = by("chart").clientWidth;
    draw();
  }).observe(by("chart"));
}
