// The page to explore: what is chosen, the figures it is made of, their sum with its margin, a chart and a table of it.
// Formulas are those of sql/macros.sql (noisy_sum, noisy_share); the choice is kept in the address, after #.
"use strict";
(async () => {
  const about = JSON.parse(document.getElementById("about").textContent);
  const words = about.words, form = document.getElementById("choice"), facets = document.getElementById("facets");
  const LONG = 20, DRAWN = 25, OWN = ["venue", "group", "place", "period"];
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const several = (n, text) => fill(text.split("|")[n < 2 && (n === 1 || about.language === "fr") ? 0 : 1], { n: number(n, 0) });
  const make = (name, attributes = {}, ...inside) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...inside);
    return element;
  };
  const draw = (name, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // --- figures: of each table (measures, 3, releases, cells and levels), unpacked when first asked for
  const grids = new Map();
  const unpack = async (table) => {
    if (grids.has(table.name)) return grids.get(table.name);
    const text = atob(document.getElementById(`figures-${table.name}`).textContent);
    const packed = Uint8Array.from(text, (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const planes = new Uint8Array(await new Response(stream).arrayBuffer()), n = planes.length / 4;
    const bytes = new Uint8Array(planes.length);
    for (let rank = 0; rank < 4; rank++) for (let i = 0; i < n; i++) bytes[4 * i + rank] = planes[rank * n + i];
    const view = new DataView(bytes.buffer), numbers = new Float64Array(n);
    for (let i = 0; i < n; i++) numbers[i] = view.getFloat32(4 * i, true);
    const extent = table.dimensions.reduce((size, d) => size * (d.codes.length + 1), 1);
    const grid = { numbers, extent, releases: table.held.length, given: [] };
    grid.given = table.measures.map((_, m) => table.held.map((_, r) => {
      const begin = (3 * m * grid.releases + r) * extent;
      return numbers.subarray(begin, begin + extent).some((v) => !Number.isNaN(v));
    }));
    grids.set(table.name, grid);
    return grid;
  };

  // --- numbers as each language writes them; digits follow the margin, and a margin is rounded up
  const place = (margin) => {
    if (!(margin > 0)) return 0;
    const ten = Math.floor(Math.log10(margin));
    return margin / 10 ** ten < 3 ? ten - 1 : ten;
  };
  const number = (value, at) => {
    const digits = Math.max(0, -at);
    return new Intl.NumberFormat(about.language, { minimumFractionDigits: digits, maximumFractionDigits: digits })
      .format(Math.round(value / 10 ** at) * 10 ** at || 0);
  };
  const written = (value, se, least, scale = 1, most = Infinity) => {
    const margin = about.z * se * scale, at = Math.max(place(margin), least);
    const steps = Math.max(Math.ceil(Number((margin / 10 ** at).toFixed(6))), 1);
    const to = (v) => number(Math.min(Math.max(v * scale, 0), most), at);
    return { value: to(value), margin: number(steps * 10 ** at, at), low: to(value - about.z * se), high: to(value + about.z * se) };
  };
  const percent = about.language === "fr" ? "\u00a0%" : "%";
  const count = (e) => { const w = written(e.value, e.se, 0); return `${w.value} ±\u202f${w.margin}`; };
  const part = (e) => { const w = written(e.value, e.se, -1, 100, 100); return `${w.value}${percent} ±\u202f${w.margin}`; };

  // --- the choice: { table, measure, rows, show, every, and sets of codes by facet }
  const ownFacets = {
    period: { label: words.period, codes: () => about.periods.filter((p) => p.kind === choice.every).map((p) => [p.code, p.label]) },
    venue: { label: words.venue, codes: () => about.venues.map((v) => [v.code, v.label]) },
    group: { label: words.group, codes: () => distinct("group").map((code) => [code, about.groups[code]]) },
    place: { label: words.place, codes: () => distinct("place").map((code) => [code, placeName(code)]) },
  };
  const distinct = (name) => [...new Set(about.venues.map((v) => v[name]))].sort();
  const departements = about.tables.flatMap((t) => t.dimensions).find((d) => d.name === "departement");
  const placeName = (code) => (departements?.codes.find(([c]) => c === code) ?? [code, code])[1];
  let choice;
  const tableOf = (name) => about.tables.find((t) => t.name === name) ?? about.tables[0];
  const rowsOf = (table) => [...[...table.dimensions].sort((a, b) => a.added - b.added).map((d) => [d.name, d.label]),
    ...OWN.map((n) => [n, ownFacets[n].label])]; // first what is never added up, so that all of it is seen
  const facetsOf = (table) => {
    const dimensions = table.dimensions.map((d) => [d.name, { label: d.label, codes: () => d.codes, one: !d.added && d.name !== choice.rows }]);
    return [...OWN.map((name) => [name, ownFacets[name]]), ...dimensions];
  };
  const read = () => {
    const asked = new URLSearchParams(location.hash.slice(1)), known = (options, wanted) =>
      options.some(([code]) => code === wanted) ? wanted : options[0][0];
    const table = tableOf(asked.get("table")), every = about.periods.some((p) => p.kind === "season") ? "season" : "quarter";
    choice = { table, measure: Math.max(table.measures.findIndex((m) => m.name === asked.get("measure")), 0),
      rows: known(rowsOf(table), asked.get("rows")), show: asked.get("show") === "shares" ? "shares" : "numbers",
      every: asked.get("every") ?? every, chosen: {} };
    if (!about.periods.some((p) => p.kind === choice.every)) choice.every = every;
    for (const [name, facet] of facetsOf(table)) {
      const codes = facet.codes().map(([code]) => code);
      let wanted = asked.getAll(name).filter((code) => codes.includes(code));
      if (facet.one) wanted = [wanted[0] ?? codes[0]];
      if (name === "period" && !wanted.length && choice.rows !== "period") wanted = codes.slice(-1);
      choice.chosen[name] = new Set(wanted);
    }
  };
  const write = () => {
    const asked = new URLSearchParams({ table: choice.table.name, measure: choice.table.measures[choice.measure].name,
      rows: choice.rows, show: choice.show, every: choice.every });
    for (const [name, codes] of Object.entries(choice.chosen)) for (const code of codes) asked.append(name, code);
    history.replaceState(null, "", `#${asked}`);
  };

  // --- rows: the figures that each is made of, then their sum and share
  const add = (row, release, value, se, common) => {
    if (Number.isNaN(value)) { row.missing += 1; return; }
    row.figures += 1;
    row.value += value;
    row.own += Math.max(se ** 2 - common ** 2, 0);
    row.common += common;
    const by = row.by.get(release) ?? { own: 0, common: 0 };
    row.by.set(release, { own: by.own + Math.max(se ** 2 - common ** 2, 0), common: by.common + common });
  };
  const empty = (code, label) => ({ code, label, value: 0, own: 0, common: 0, figures: 0, missing: 0, by: new Map() });
  const settled = (row) => Object.assign(row, { se: Math.sqrt(row.own + row.common ** 2) });
  const cellsAt = (table, code) => table.dimensions.reduce((ats, d) => {
    const all = d.codes.length, find = (c) => d.codes.findIndex(([known]) => known === c);
    const chosen = [...choice.chosen[d.name]].map(find);
    const here = d.name === choice.rows && code !== null ? [find(code)] : chosen.length ? chosen : [all];
    return ats.flatMap((at) => here.map((i) => at * (all + 1) + i));
  }, [0]);
  const compute = (grid) => {
    const { table, rows: by, measure, chosen } = choice, dimension = table.dimensions.find((d) => d.name === by);
    const has = (name, code) => !chosen[name].size || chosen[name].has(code);
    const releases = table.held.map((r, at) => {
      const [v, p] = about.releases[r], venue = about.venues[v], period = about.periods[p];
      return { at, id: r, venue: venue.code, group: venue.group, place: venue.place, period: period.code, kind: period.kind };
    }).filter((r) => r.kind === choice.every && OWN.every((name) => has(name, r[name])));
    const given = releases.filter((r) => grid.given[measure][r.at] || !grid.given[0][r.at]);
    const figure = (release, cell) => [0, 1, 2].map((k) =>
      grid.numbers[((3 * measure + k) * grid.releases + release.at) * grid.extent + cell]);
    const sum = (row, those, cells) => {
      for (const r of those) for (const cell of cells) add(row, r.id, ...figure(r, cell));
      return settled(row);
    };
    const codes = (dimension ? dimension.codes : ownFacets[by].codes())
      .filter(([code]) => (dimension ? has(by, code) : given.some((r) => r[by] === code)));
    const rows = codes.map(([code, label]) => sum(empty(code, label),
      dimension ? given : given.filter((r) => r[by] === code), cellsAt(table, dimension ? code : null)));
    const summed = !dimension || dimension.added ? sum(empty("", words.whole), given, cellsAt(table, null)) : null;
    const found = { rows, whole: by === "period" ? null : summed, releases, given, dimension };
    if (found.whole && rows.filter((r) => r.figures).length > 1 && !muchUnseen(found)) share(rows);
    return found;
  };
  // the rows' shares of all that is displayed, by the delta method: own errors in squares, common ones whole by release
  const share = (rows) => {
    const value = rows.reduce((s, r) => s + r.value, 0), all = new Map();
    for (const row of rows) for (const [release, e] of row.by) {
      const so = all.get(release) ?? { own: 0, common: 0 };
      all.set(release, { own: so.own + e.own, common: so.common + e.common });
    }
    const spread = (move) => {
      let squares = 0;
      for (const [release, e] of all) { const [own, common] = move(e, release); squares += own + common ** 2; }
      return Math.sqrt(squares);
    };
    if (!(value > 3 * spread((e) => [e.own, e.common]))) return;
    for (const row of rows) {
      if (!row.figures) continue;
      const p = row.value / value;
      const se = spread((e, release) => {
        const mine = row.by.get(release) ?? { own: 0, common: 0 };
        return [mine.own * (1 - p) ** 2 + (e.own - mine.own) * p ** 2, mine.common - p * e.common];
      }) / Math.abs(value);
      row.share = { value: p, se };
    }
  };

  // --- what is seen
  const shown = (row) => (choice.show === "shares" ? row.share : row.figures ? row : undefined);
  const told = (row) => { const e = shown(row); return e ? (choice.show === "shares" ? part(e) : count(e)) : row.figures ? words.unsure : words.none; };
  const paint = async () => {
    const table = choice.table, grid = await unpack(table);
    if (choice.table !== table) return; // another was chosen meanwhile
    const found = compute(grid);
    const long = found.rows.length > LONG || ["venue", "place", "group"].includes(choice.rows);
    const size = (r) => (r.code === "unknown" ? -1e300 : r.figures ? r.value : -1e301);
    const bySize = [...found.rows].sort((a, b) => size(b) - size(a));
    const listed = found.rows.length > LONG ? bySize.filter((r) => r.figures) : long ? bySize : found.rows;
    const unlisted = found.rows.filter((r) => !listed.includes(r));
    const periods = new Set(found.releases.map((r) => r.period)), venues = new Set(found.releases.map((r) => r.venue));
    const measure = table.measures[choice.measure].label;
    document.getElementById("title").textContent = `${table.label} · ${measure}`;
    const limits = facetsOf(table).filter(([name, f]) => choice.chosen[name].size)
      .map(([name, f]) => f.codes().filter(([c]) => choice.chosen[name].has(c)).map(([, label]) => label).join(", "));
    document.getElementById("scope").textContent =
      [...limits, several(venues.size, words.venues), several(periods.size, words.periods)].join(" · ");
    document.getElementById("sentence").textContent = sentence(found);
    chart(listed.slice(0, DRAWN), `${table.label} · ${measure}`);
    const notes = [];
    if (table.several && found.dimension) notes.push(words.several);
    if (listed.length > DRAWN) notes.push(fill(words.longest, { n: DRAWN }));
    const lack = found.releases.length - found.given.length;
    if (lack) notes.push(several(lack, words.not_given));
    const most = found.rows.some((r) => r.missing) ? unseen(found) : 0;
    if (most > 0 && most < Infinity) notes.push(fill(words.unseen, { most: number(most, Math.max(place(most), 0)) }));
    document.getElementById("notes").textContent = notes.join(" ");
    tabulate(listed, found);
    const rest = document.getElementById("hidden");
    rest.hidden = !unlisted.length;
    rest.firstElementChild.textContent = several(unlisted.length, words.hidden);
    rest.lastElementChild.textContent = unlisted.map((r) => r.label).join(", ");
  };
  // the most that all figures not publishable hold together, 95 times in 100: the total, which includes them, without the rest
  const unseen = ({ rows, whole, dimension }) => {
    if (!whole || !dimension || whole.missing || choice.chosen[choice.rows].size) return Infinity;
    const rest = rows.reduce((left, r) => left - r.value, whole.value);
    return Math.max(rest + about.z * Math.hypot(whole.se, ...rows.map((r) => r.se)), 0);
  };
  const muchUnseen = (found) => {
    const most = found.rows.some((r) => r.missing) ? unseen(found) : 0;
    return most < Infinity && most > found.rows.reduce((s, r) => s + r.value, 0) / 10;
  };
  const sentence = (found) => {
    const hidden = found.rows.filter((r) => !r.figures).length, end = hidden ? ` ${several(hidden, words.hidden)}` : "";
    const ranked = found.rows.filter((r) => shown(r)).sort((a, b) => shown(b).value - shown(a).value);
    if (!ranked.length) return words.none_shown;
    if (ranked.length < 2 || choice.rows === "period") return end.trim();
    const [first, ...others] = ranked, low = first.value - about.z * first.se;
    const lacks = found.rows.some((r) => r !== first && r.missing) ? unseen(found) : 0;
    const overlap = others.some((o) => o.value + about.z * o.se >= low);
    if (overlap) return words.tie + end;
    const hiding = found.rows.some((r) => r !== first && r.missing && r.value + about.z * r.se + lacks >= low);
    return (hiding ? words.cannot : fill(words.first, { label: first.label, value: told(first) })) + end;
  };
  const tabulate = (rows, { whole, given }) => {
    const shares = rows.some((r) => r.share), heads = [words.value, words.margin, words.low, words.high];
    if (shares) heads.push(words.share, words.share_margin);
    heads.push(words.missing);
    const line = (row) => {
      const tr = make("tr", { "data-code": row.code }, make("th", { scope: "row" }, row.label));
      const gap = row.missing ? fill(words.of, { n: row.missing, all: row.missing + row.figures }) : "–";
      if (!row.figures) tr.append(make("td", { class: "none", colspan: shares ? 6 : 4, title: words.none_why }, words.none));
      else {
        tr.dataset.value = row.value;
        tr.dataset.se = row.se;
        const w = written(row.value, row.se, 0);
        tr.append(...[w.value, w.margin, w.low, w.high].map((t) => make("td", {}, t)));
        if (row.share) {
          tr.dataset.share = row.share.value;
          tr.dataset.shareSe = row.share.se;
          const s = written(row.share.value, row.share.se, -1, 100, 100);
          tr.append(make("td", {}, s.value + percent), make("td", {}, s.margin));
        } else if (shares) tr.append(make("td"), make("td"));
      }
      tr.append(make("td", {}, gap));
      return tr;
    };
    const first = rowsOf(choice.table).find(([name]) => name === choice.rows)[1];
    const head = make("tr", {}, ...[first, ...heads].map((h) => make("th", { scope: "col" }, h)));
    const parts = [make("thead", {}, head), make("tbody", {}, ...rows.map(line))];
    if (whole && given.length) parts.push(make("tfoot", {}, line(whole)));
    document.getElementById("table").replaceChildren(...parts);
  };
  const chart = (rows, title) => {
    const box = document.getElementById("chart"), width = Math.max(box.clientWidth, 240), narrow = width < 560;
    const words_ = Math.min(Math.max(...rows.map((r) => r.label.length), 6) * 7.4 + 12, 250);
    const left = narrow ? 0 : words_, right = 130, tall = narrow ? 46 : 30, top = 4, high = top + rows.length * tall;
    if (!rows.some(shown)) return box.replaceChildren(); // the sentence says so
    const most = Math.max(...rows.map(shown).filter(Boolean).map((e) => e.value + about.z * e.se), 1e-9);
    const x = (v) => left + (Math.max(v, 0) / most) * (width - left - right);
    const svg = draw("svg", { viewBox: `0 0 ${width} ${high + 24}`, role: "img", "aria-label":
      fill(words.chart, { title, rows: rows.map((r) => `${r.label} : ${told(r)}`).join(" ; ") }) });
    const step = [1, 2, 5, 10].map((s) => s * 10 ** Math.floor(Math.log10(most / 4))).find((s) => most / s <= 5);
    const axis = draw("g", { class: "axis" });
    for (let v = 0; v <= most; v += step) {
      axis.append(draw("line", { x1: x(v), x2: x(v), y1: top, y2: high, class: v ? "" : "zero" }));
      const text = choice.show === "shares" ? number(100 * v, Math.min(Math.floor(Math.log10(100 * step)), 0)) + percent : number(v, Math.min(Math.floor(Math.log10(step)), 0));
      axis.append(draw("text", { x: x(v), y: high + 17, "text-anchor": v ? "middle" : "start" }, text));
    }
    svg.append(axis);
    rows.forEach((row, i) => {
      const y = top + i * tall, base = narrow ? y + 20 : y + 4, bar = 20, middle = base + bar / 2, e = shown(row);
      const group = draw("g", { class: row.missing && row.figures ? "partial" : "" });
      const cut = !narrow && row.label.length * 7.4 > 244 ? `${row.label.slice(0, 31)}…` : row.label;
      group.append(draw("text", narrow ? { x: 0, y: y + 14 } : { x: left - 10, y: middle + 5, "text-anchor": "end" }, cut));
      if (!e) {
        const none = draw("text", { x: left + 6, y: middle + 5, class: "none" }, told(row));
        none.append(draw("title", {}, words.none_why));
        group.append(none);
      } else {
        const low = x(e.value - about.z * e.se), up = x(e.value + about.z * e.se);
        group.append(draw("rect", { x: left, y: base, width: Math.max(x(e.value) - left, 0), height: bar }));
        group.append(draw("path", { class: "interval", d: `M${low} ${middle}H${up}M${low} ${middle - 5}v10M${up} ${middle - 5}v10` }));
        const text = told(row) + (row.missing ? ` (${words.partial})` : "");
        group.append(draw("text", { x: Math.max(up, left) + 8, y: middle + 5 }, text));
      }
      svg.append(group);
    });
    box.replaceChildren(svg);
  };

  // --- controls
  const options = (select, pairs, chosen) => select.replaceChildren(...pairs.map(([code, label]) => {
    const option = make("option", { value: code }, label);
    option.selected = code === chosen;
    return option;
  }));
  const controls = () => {
    const open = new Set([...facets.querySelectorAll("details[open]")].map((d) => d.dataset.name));
    options(form.elements.table, about.tables.map((t) => [t.name, t.label]), choice.table.name);
    options(form.elements.measure, choice.table.measures.map((m) => [m.name, m.label]), choice.table.measures[choice.measure].name);
    options(form.elements.rows, rowsOf(choice.table), choice.rows);
    form.elements.show.value = choice.show;
    const kinds = ["season", "quarter"].filter((k) => about.periods.some((p) => p.kind === k)).map((k) => [k, words[k]]);
    const every = make("select", { name: "every" });
    options(every, kinds, choice.every);
    facets.replaceChildren(make("label", {}, words.every, every), ...facetsOf(choice.table).map(([name, facet]) => {
      const chosen = choice.chosen[name], codes = facet.codes();
      const boxes = codes.map(([code, label]) => {
        const input = make("input", { type: facet.one ? "radio" : "checkbox", name, value: code });
        input.checked = chosen.has(code);
        return make("label", {}, input, label);
      });
      const said = chosen.size === 1 ? codes.find(([c]) => chosen.has(c))[1] : chosen.size || words.all;
      const details = make("details", { class: "facet", "data-name": name },
        make("summary", {}, `${facet.label} `, make("b", {}, String(said))),
        make("div", { class: "options", role: "group", "aria-label": facet.label }, ...boxes));
      details.open = open.has(name);
      return details;
    }));
  };
  const changed = async (event) => {
    const { name, value, type, checked } = event.target, focus = type === "checkbox" || type === "radio" ? [name, value] : null;
    if (focus) {
      if (type === "radio") choice.chosen[name].clear();
      if (checked) choice.chosen[name].add(value); else choice.chosen[name].delete(value);
    } else {
      const kept = { ...choice, [name]: name === "table" ? tableOf(value) : name === "measure" ? choice.table.measures.findIndex((m) => m.name === value) : value };
      if (name === "table") { kept.measure = 0; if (!OWN.includes(kept.rows)) kept.rows = rowsOf(kept.table)[0][0]; }
      if (name === "every" || name === "rows") kept.chosen = { ...kept.chosen, period: new Set() };
      choice = kept;
      choice.chosen = Object.fromEntries(facetsOf(choice.table).map(([n]) => [n, choice.chosen[n] ?? new Set()]));
    }
    write();
    read();
    controls();
    if (focus) [...facets.querySelectorAll("input")].find((i) => i.name === focus[0] && i.value === focus[1])?.focus();
    if (name === "every") facets.querySelector("select").focus();
    write();
    await paint();
  };

  if (!about.tables.length || typeof DecompressionStream === "undefined") return;
  read();
  await unpack(choice.table); // before anything is shown: where it fails, the plain totals stay
  document.getElementById("live").hidden = false;
  document.getElementById("still").hidden = true;
  controls();
  form.addEventListener("change", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); history.replaceState(null, "", "#"); read(); controls(); paint(); });
  addEventListener("hashchange", () => { if (location.hash !== "#main") { read(); controls(); paint(); } }); // to the content: no choice
  let wide = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== wide) { wide = innerWidth; paint(); } });
  await paint();
  document.documentElement.dataset.ready = "yes";
})();
