"use strict";
(() => {
  const PAGE = 50, MOST_OPTIONS = 200, OVER = ["completed", "failed", "abandoned"];
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const rows = data.rows, K = Object.fromEntries(data.keys.map((key, at) => [key, at]));
  const byId = new Map(rows.map((row) => [row[K.id], row]));
  const facets = ["state", "owner", "tag", "branch"];
  const blank = { q: "", state: "", owner: "", tag: "", branch: "", only: "", sort: "last", way: "", page: "1" };
  let state = { ...blank }, words = null, shown = "";

  // Building blocks. What people typed only ever becomes text, never markup.
  const el = (name, attributes, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  };
  const svg = (name, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const web = (text) => /^https?:\/\//i.test(text || "");
  const link = (text, address) => (web(address) ? el("a", { href: address, rel: "noreferrer" }, text) : el("span", {}, text));
  const known = (value) => value !== null && value !== undefined && value !== "";
  const value = (row, key) => (known(row[K[key]]) ? row[K[key]] : null);
  const short = (number) => (number === null ? "–" : String(+number.toPrecision(4)).replace("-", "−"));
  const date = (minutes) => (minutes === null ? "–" : new Date(minutes * 60000).toISOString().slice(0, 16).replace("T", " "));
  const money = (costs) => {
    const names = Object.keys(costs || {}).sort();
    return names.length ? names.map((name) => `${costs[name].toFixed(2)} ${name}`).join(", ") : "–";
  };
  const branchLink = (row, path) => {
    const branch = value(row, "branch");
    if (!data.repository || !branch) return "";
    const safe = (text) => text.split("/").map(encodeURIComponent).join("/");
    return `${data.repository}/${path ? "blob" : "tree"}/${safe(branch.replace(/^origin\//, ""))}${path ? `/${safe(path)}` : ""}`;
  };

  // Sorting: each column knows its value; unknown ones come last either way.
  const columns = [
    { key: "id", title: "Experiment", of: (row) => row[K.id].toLowerCase(), up: true },
    { key: "state", title: "State", of: (row) => row[K.state], up: true },
    { key: "owner", title: "Owner", of: (row) => (row[K.owner] || "").toLowerCase(), up: true },
    { key: "best", title: "Best", number: true, of: (row) => value(row, "best") },
    { title: "Trend" },
    { key: "delta", title: "Δ baseline", number: true, of: (row) => gain(row) },
    { key: "cost", title: "Cost", number: true, of: (row) => spent(row) },
    { key: "last", title: "Last active (UTC)", of: (row) => value(row, "last") },
    { title: "Links" },
  ];
  const gain = (row) => {
    const delta = value(row, "delta");
    return delta === null ? null : row[K.minimize] ? -delta : delta;
  };
  const spent = (row) => {
    const costs = Object.values(row[K.cost] || {});
    return costs.length ? costs.reduce((sum, one) => sum + one, 0) : null;
  };
  // Orders are lists of places in `rows`, made once for each column, most of them while nobody waits.
  const orders = new Map();
  const ordered = (key, way) => {
    const name = `${key} ${way}`;
    if (!orders.has(name)) orders.set(name, way === "up" ? sorted(key) : reversed(ordered(key, "up")));
    return orders.get(name);
  };
  const reversed = (order) => ({ known: [...order.known].reverse(), unknown: order.unknown });
  const sorted = (key) => {
    const column = columns.find((one) => one.key === key) || columns[7];
    const by = rows.map(column.of), places = rows.map((_, at) => at);
    const known = places.filter((at) => by[at] !== null), unknown = places.filter((at) => by[at] === null);
    if (key === "best") return { known: best(known, by), unknown };
    if (typeof by[known[0]] === "number") known.sort((a, b) => by[a] - by[b]);
    else known.sort((a, b) => (by[a] < by[b] ? -1 : by[a] > by[b] ? 1 : a - b));
    return { known, unknown };
  };
  // 0.9 of one metric and 12 of another say nothing about each other: metrics keep together, the worst first.
  const best = (places, by) => {
    const groups = new Map();
    for (const at of places) {
      const name = rows[at][K.metric] || "";
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(at);
    }
    return [...groups].sort((a, b) => (a[0] < b[0] ? 1 : -1)).flatMap(([, group]) => {
      const sign = rows[group[0]][K.minimize] ? -1 : 1;
      return group.sort((a, b) => (by[a] - by[b]) * sign);
    });
  };

  // Filtering.
  const text = (row) => [row[K.id], row[K.goal], (row[K.tags] || []).join(" "), row[K.owner], row[K.branch], row[K.state],
    row[K.metric], row[K.hypothesis], row[K.conclusion]].join("\n").toLowerCase();
  const facet = {
    state: (row) => [row[K.state]], owner: (row) => [row[K.owner] || ""], tag: (row) => row[K.tags] || [], branch: (row) => [row[K.branch] || ""],
  };
  const only = {
    stale: (row) => row[K.stale], lost: (row) => row[K.lost],
    open: (row) => OVER.includes(row[K.state]) && !row[K.conclusion],
  };
  const chosen = (wish) => {
    const asked = wish.q.toLowerCase().split(/\s+/).filter(Boolean);
    const tests = facets.filter((name) => wish[name]).map((name) => (at) => facet[name](rows[at]).includes(wish[name]));
    if (only[wish.only]) tests.push((at) => only[wish.only](rows[at]));
    if (asked.length) {
      const all = searched();
      tests.push((at) => asked.every((word) => all[at].includes(word)));
    }
    const order = ordered(state.sort, direction()), fits = (at) => tests.every((test) => test(at));
    if (!tests.length) return [...order.known, ...order.unknown];
    return [...order.known.filter(fits), ...order.unknown.filter(fits)];
  };
  const searched = () => (words = words || rows.map(text));
  const direction = () => state.way || ((columns.find((one) => one.key === state.sort) || {}).up ? "up" : "down");

  // The list.
  const spark = (values) => {
    if (!values || values.length < 2) return null;
    const least = Math.min(...values), most = Math.max(...values), span = most - least || 1;
    const points = values.map((one, at) => `${(at * 96 / (values.length - 1)).toFixed(1)},${(23 - (one - least) * 20 / span).toFixed(1)}`);
    const said = `${values.length} runs, from ${short(values[0])} to ${short(values[values.length - 1])}`;
    const [x, y] = points[points.length - 1].split(",");
    return svg("svg", { class: "spark", viewBox: "0 0 96 26", role: "img", "aria-label": said },
      svg("polyline", { points: points.join(" ") }), svg("circle", { cx: x, cy: y, r: 2.5 }));
  };
  const delta = (row) => {
    const by = value(row, "delta"), better = gain(row);
    if (by === null) return "–";
    if (by === 0) return "±0";
    return el("span", { class: better > 0 ? "better" : "worse" }, `${by > 0 ? "+" : ""}${short(by)} ${better > 0 ? "▲" : "▼"}`,
      el("span", { class: "unseen" }, better > 0 ? " better" : " worse"));
  };
  const marks = (row) => [
    row[K.stale] ? el("span", { class: "mark stale" }, "stale") : null,
    row[K.lost] ? el("span", { class: "mark lost" }, `${row[K.lost]} lost ${row[K.lost] === 1 ? "run" : "runs"}`) : null,
    row[K.archived] ? el("span", { class: "mark" }, "archived") : null,
  ];
  const links = (row) => {
    const found = [];
    const add = (node) => { if (found.length) found.push(el("br")); found.push(node); };
    if (value(row, "branch")) add(link(row[K.branch], branchLink(row)));
    if (value(row, "pr")) add(link(web(row[K.pr]) ? `PR ${row[K.pr].split("/").pop()}` : `PR ${row[K.pr]}`, row[K.pr]));
    if (value(row, "run")) add(el("span", { title: row[K.run] }, `run ${row[K.run].slice(0, 8)}`));
    if (value(row, "handoff")) add(link("handoff", branchLink(row, row[K.handoff])));
    return found;
  };
  const page = (id) => `#experiment/${encodeURIComponent(id)}`;
  const cell = (label, ...children) => el("td", { role: "cell", "data-label": label }, ...children);
  const line = (row) => {
    const best = value(row, "best"), limit = value(row, "target");
    return el("tr", { role: "row" },
      el("th", { scope: "row", role: "rowheader", class: "text" }, el("a", { href: page(row[K.id]) }, row[K.id]),
        ...marks(row), el("div", { class: "goal" }, row[K.goal] || ""),
        ...(row[K.tags] || []).slice(0, 5).map((tag) => el("span", { class: "tag" }, tag))),
      el("td", { role: "cell", class: "whole", "data-label": "state" }, row[K.state]),
      el("td", { role: "cell", class: "name", "data-label": "owner" }, row[K.owner] || "–"),
      el("td", { role: "cell", class: "num", "data-label": "best" }, short(best), el("div", { class: "muted small" }, best === null ? "" : row[K.metric] || ""),
        limit === null ? null : el("div", { class: "muted small" }, `target ${short(limit)}`)),
      cell("trend", spark(row[K.spark]) || "–"),
      el("td", { role: "cell", class: "num", "data-label": "Δ baseline" }, delta(row)),
      el("td", { role: "cell", class: "num", "data-label": "cost" }, money(row[K.cost])),
      cell("last active", date(value(row, "last"))), el("td", { role: "cell", class: "small" }, ...links(row)));
  };
  const heads = () => {
    $("heads").replaceChildren(...columns.map((column) => {
      const attributes = { scope: "col", role: "columnheader", class: column.number ? "num" : null };
      if (!column.key) return el("th", { ...attributes, class: "plain" }, column.title);
      const active = column.key === state.sort;
      attributes["aria-sort"] = active ? (direction() === "up" ? "ascending" : "descending") : "none";
      return el("th", attributes, el("button", { type: "button", "data-sort": column.key }, column.title));
    }));
  };
  const options = (name, found) => {
    const counts = new Map();
    for (const at of found) for (const one of facet[name](rows[at])) if (one) counts.set(one, (counts.get(one) || 0) + 1);
    if (state[name] && !counts.has(state[name])) counts.set(state[name], 0);
    const all = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    const shown = all.slice(0, MOST_OPTIONS);
    if (state[name] && !shown.some(([one]) => one === state[name])) shown.push([state[name], counts.get(state[name])]);
    const made = shown.map(([one, count]) => el("option", { value: one }, `${one.length > 40 ? `${one.slice(0, 39)}…` : one} (${count})`));
    if (all.length > MOST_OPTIONS) made.push(el("option", { disabled: "" }, `${all.length - MOST_OPTIONS} more: search for the name`));
    $(`f-${name}`).replaceChildren(el("option", { value: "" }, "all"), ...made);
    $(`f-${name}`).value = state[name];
  };
  // Counts beside the choices may come a moment later than the rows; what is chosen shows at once.
  let waiting = 0;
  const later = (work) => (window.requestIdleCallback || setTimeout)(work);
  const choices = (found) => {
    const turn = ++waiting;
    for (const name of facets) {
      const chosenOne = $(`f-${name}`);
      if (chosenOne.options.length === 0 || chosenOne.value !== state[name]) options(name, state[name] ? found : []);
      // Each offers what the others leave.
      later(() => {
        if (turn !== waiting || document.activeElement === chosenOne) return;
        options(name, state[name] ? chosen({ ...state, [name]: "" }) : found);
      });
    }
  };
  const list = () => {
    const found = chosen(state), pages = Math.max(1, Math.ceil(found.length / PAGE));
    const at = Math.min(Math.max(1, Number(state.page) || 1), pages);
    $("rows").replaceChildren(...found.slice((at - 1) * PAGE, at * PAGE).map((place) => line(rows[place])));
    $("found").textContent = `${found.length} of ${rows.length} experiments`;
    $("page").textContent = `page ${at} of ${pages}`;
    $("pages").hidden = pages < 2;
    $("before").disabled = at <= 1;
    $("next").disabled = at >= pages;
    state.page = String(at);
    heads();
    choices(found);
  };

  // The page of one experiment.
  const term = (name, ...what) => [el("dt", {}, name), el("dd", {}, ...what)];
  const curve = (name, points) => {
    const xs = points.map((one) => one[0]), ys = points.map((one) => one[1]);
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const place = ([x, y]) => [56 + (x - x0) * 530 / (x1 - x0 || 1), 160 - (y - y0) * 140 / (y1 - y0 || 1)];
    const said = `${name}: ${points.length} points, from ${short(ys[0])} to ${short(ys[ys.length - 1])}, least ${short(y0)}, most ${short(y1)}`;
    const label = (x, y, anchor, words) => svg("text", { x, y, "text-anchor": anchor }, words);
    return el("figure", { class: "plot" }, el("figcaption", { class: "muted" }, name),
      svg("svg", { class: "curve", viewBox: "0 0 600 190", role: "img", "aria-label": said },
        svg("path", { d: "M56 12V160H590" }), label(50, 24, "end", short(y1)), label(50, 160, "end", short(y0)),
        label(56, 178, "start", short(x0)), label(590, 178, "end", short(x1)),
        svg("polyline", { points: points.map((one) => place(one).map((part) => part.toFixed(1)).join(",")).join(" ") }),
        ...(points.length <= 60 ? points.map((one) => { const [x, y] = place(one); return svg("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 2.5 }); }) : [])));
  };
  const named = (id) => (byId.has(id) ? el("a", { href: page(id) }, id) : el("span", {}, `${id} (not in this snapshot)`));
  const lineage = (row) => {
    const above = [], seen = new Set([row[K.id]]);
    for (let up = value(row, "parent"); up && !seen.has(up) && above.length < 50; up = byId.has(up) ? value(byId.get(up), "parent") : null) {
      seen.add(up);
      above.unshift(up);
    }
    const below = (id, depth) => {
      const children = rows.filter((one) => one[K.parent] === id && !seen.has(one[K.id])).slice(0, 50);
      for (const child of children) seen.add(child[K.id]);
      return children.length && depth < 6
        ? el("ul", {}, ...children.map((one) => el("li", {}, named(one[K.id]), ` ${one[K.state]}`, below(one[K.id], depth + 1)))) : null;
    };
    const own = el("li", {}, el("strong", {}, row[K.id]), " (this one)", below(row[K.id], 0));
    return el("ul", {}, above.reduceRight((inside, id) => el("li", {}, named(id), el("ul", {}, inside)), own));
  };
  const experiment = (id) => {
    const row = byId.get(id), home = $("experiment");
    const back = el("p", {}, el("a", { href: listed() }, "← all experiments"));
    if (!row) {
      home.replaceChildren(back, el("h2", {}, id || "No experiment"), el("p", { class: "failed" }, "This snapshot holds no experiment of that name."));
      return;
    }
    const more = data.details[id] || {}, best = value(row, "best"), base = row[K.baseline], limit = value(row, "target");
    const source = { mlflow: "finished runs in the tracking store", file: "results of metadata.yaml" }[row[K.from]] || "";
    const said = (key, none) => row[K[key]] || el("span", { class: "muted" }, none);
    home.replaceChildren(back, el("h2", { id: "experiment-title", tabindex: "-1" }, row[K.id], " ", ...marks(row)), el("p", {}, row[K.goal] || ""),
      el("dl", {},
        ...term("state", row[K.state], row[K.decision] ? `, decision: ${row[K.decision]}` : ""),
        ...term("owner", said("owner", "nobody"), row[K.researcher] && row[K.researcher] !== row[K.owner] ? `, begun by ${row[K.researcher]}` : ""),
        ...term("created", said("created", "not known")),
        ...term("last active", `${date(value(row, "last"))} UTC`, row[K.activity] ? ` (${row[K.activity]})` : ""),
        ...term("hypothesis", said("hypothesis", "none written down")), ...term("conclusion", said("conclusion", "none yet")),
        ...term("best result", best === null ? "not measured" : `${row[K.metric] || "metric"} ${short(best)}`, source && best !== null ? ` (${source})` : ""),
        ...term("target", limit === null ? "none" : `${short(limit)}, ${row[K.minimize] ? "less" : "more"} is better`),
        ...term("baseline", ...(base ? [base[0] ? named(base[0]) : "a number", " ", known(base[1]) ? short(base[1]) : "not measured", ", difference ", delta(row)] : ["none"])),
        ...term("runs", known(row[K.runs]) ? `${row[K.runs]}, of them ${row[K.lost] || 0} lost` : "not measured"),
        ...term("cost, all time", `${money(row[K.cost])}; ${known(row[K.hours]) ? `${short(row[K.hours])} GPU-hours` : "GPU-hours not measured"} (usage ledger)`),
        ...term("folder", el("code", {}, row[K.folder] || "")), ...term("tags", (row[K.tags] || []).join(", ") || "none"), ...term("links", ...links(row))),
      el("h3", {}, "Curves"),
      ...(more.curves || []).map(([name, points]) => curve(name, points)),
      (row[K.spark] || []).length > 1 ? curve(`${row[K.metric]} of the last ${row[K.spark].length} finished runs`, row[K.spark].map((one, at) => [at + 1, one])) : null,
      (row[K.spark] || []).length > 1 || (more.curves || []).length ? null : el("p", { class: "muted" }, more.why || "No curve: fewer than two finished runs measured the primary metric."),
      el("h3", {}, "Configuration"),
      ...(known(more.configuration) ? [el("p", { class: "muted small" }, more.source || ""), el("pre", { tabindex: "0" }, more.configuration)]
        : [el("p", { class: "muted" }, more.configuration_why || `Not in this file: mlws experiment show ${row[K.id]}`)]),
      el("h3", {}, "Lineage"), lineage(row));
  };

  // The address says what is shown.
  const listed = () => {
    const asked = new URLSearchParams(Object.entries(state).filter(([key, one]) => one !== blank[key]));
    return `#experiments${[...asked].length ? `?${asked}` : ""}`;
  };
  const show = () => {
    const [, view, , rest] = /^#?([^?/]*)([?/]?)(.*)$/.exec(location.hash);
    const name = $(view) && $(view).matches("main > section") ? view : "experiments";
    for (const section of document.querySelectorAll("main > section")) section.classList.toggle("on", section.id === name);
    const tab = name === "experiment" ? "experiments" : name;
    for (const one of document.querySelectorAll("nav a")) {
      if (one.hash === `#${tab}` || one.dataset.view === tab) one.setAttribute("aria-current", "page");
      else one.removeAttribute("aria-current");
    }
    if (name === "experiment") {
      let id = rest;
      try { id = decodeURIComponent(rest); } catch { /* as it is */ }
      experiment(id);
      const title = $("experiment-title");
      if (title) title.focus({ preventScroll: true });
    } else if (name === "experiments") {
      const asked = new URLSearchParams(rest);
      state = Object.fromEntries(Object.entries(blank).map(([key, one]) => [key, asked.get(key) || one]));
      $("q").value = state.q;
      $("f-only").value = only[state.only] ? state.only : "";
      list();
    }
    if (name !== shown) scrollTo(0, 0);
    shown = name;
  };
  const change = (changed) => {
    state = { ...state, page: "1", ...changed };
    list();
    history.replaceState(null, "", listed());
  };
  $("q").addEventListener("input", () => change({ q: $("q").value.trim() }));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("filters").addEventListener("change", (event) => {
    if (event.target.dataset.facet) change({ [event.target.dataset.facet]: event.target.value });
  });
  $("filters").addEventListener("reset", (event) => { event.preventDefault(); $("q").value = ""; $("f-only").value = ""; change({ ...blank, sort: state.sort, way: state.way }); });
  $("heads").addEventListener("click", (event) => {
    const key = event.target.dataset.sort;
    if (!key) return;
    const other = direction() === "up" ? "down" : "up";
    change(key === state.sort ? { way: other } : { sort: key, way: "" });
    document.querySelector(`[data-sort="${key}"]`).focus();
  });
  for (const [id, by] of [["before", -1], ["next", 1]]) {
    $(id).addEventListener("click", () => { change({ page: String(Number(state.page) + by) }); scrollTo(0, 0); });
  }
  for (const one of document.querySelectorAll("[data-experiment]")) {
    const id = one.dataset.experiment.replace(/^experiment /, "");
    if (byId.has(id)) one.replaceChildren(el("a", { href: page(id) }, one.textContent));
  }
  const themes = ["system", "light", "dark"], root = document.documentElement;
  const themed = () => { $("theme").textContent = `Theme: ${root.dataset.theme || "system"}`; };
  $("theme").addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme || "system") + 1) % 3];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    try { localStorage.setItem("mlws-theme", next); } catch { /* a page without storage forgets it */ }
    themed();
  });
  themed();
  addEventListener("hashchange", show);
  show();
  later(searched);
  for (const column of columns) if (column.key) later(() => ordered(column.key, "up"));
})();
