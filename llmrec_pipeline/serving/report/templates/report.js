"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);

  // Theme: the system's until the reader chooses.
  const toggle = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : dark.matches;
  };
  const showTheme = () => {
    toggle.textContent = isDark() ? "Light" : "Dark";
    toggle.setAttribute("aria-pressed", String(isDark()));
  };
  toggle.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    showTheme();
  });
  dark.addEventListener("change", showTheme);
  showTheme();

  // On a narrow screen who comes next is folded away; on paper, and without a script, nothing is.
  const narrow = matchMedia("screen and (max-width: 720px)");
  const fold = () => {
    for (const runners of document.querySelectorAll("details.runners")) runners.open = !narrow.matches;
  };
  narrow.addEventListener("change", fold);
  fold();

  // Links into what is folded or filtered away open it first.
  const reveal = () => {
    const target = byId(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") at.open = true;
      if (at.tagName === "TR" && at.hidden) search("");
    }
    target.scrollIntoView({ block: target.tagName === "TR" ? "center" : "start" });
  };
  addEventListener("hashchange", reveal);
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });

  // Sorting: by the number a cell carries or shows, else by its text; unknown comes last.
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    if (text === "" || text === "–") return null;
    const number = Number(text);
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  for (const button of document.querySelectorAll("th[aria-sort] button")) {
    button.addEventListener("click", () => {
      const header = button.parentElement;
      const rising = header.getAttribute("aria-sort") !== "ascending";
      for (const other of header.parentElement.cells) other.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const body = header.closest("table").tBodies[0];
      const rows = [...body.rows].map((row) => [valueOf(row, header.cellIndex), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return rising ? compare(a, b) : compare(b, a);
      });
      body.append(...rows.map(([, row]) => row));
    });
  }

  // Search: every word must stand somewhere in the row.
  const evidence = [...byId("evidence-table").tBodies[0].rows].map((row) => [
    row,
    row.textContent.toLowerCase(),
  ]);
  const field = byId("evidence-search");
  const search = (text) => {
    field.value = text;
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const [row, told] of evidence) {
      row.hidden = !words.every((word) => told.includes(word));
      found += !row.hidden;
    }
    byId("evidence-count").textContent = `${found} of ${evidence.length} rows`;
  };
  field.addEventListener("input", () => search(field.value));

  // Charts.
  // Errors only: a layer without data is in order.
  const options = { actions: false, renderer: "svg", logLevel: 1 };
  const embed = (place, spec, datasets) =>
    vegaEmbed(place, { ...spec, datasets: { ...spec.datasets, ...datasets } }, options);

  // A name stands beside its point where it covers neither a point nor another name.
  const placeNames = (view, points) => {
    const x = view.scale("x"), y = view.scale("y");
    const [width, height] = [view.width(), view.height()];
    const taken = points.map((p) => [x(p.price) - 5, y(p.quality) - 5, 10, 10]);
    const free = ([left, top, w, h]) =>
      left >= 0 && top >= 0 && left + w <= width && top + h <= height &&
      !taken.some(([l, t, a, b]) => left < l + a && l < left + w && top < t + b && t < top + h);
    const named = [];
    const byWorth = [...points].sort((a, b) => b.on_line - a.on_line || b.quality - a.quality);
    for (const point of byWorth) {
      const w = point.name.length * 6.2 + 4, h = 14;
      const [px, py] = [x(point.price), y(point.quality)];
      // The line leaves a point to the right.
      const spots = [
        [px - w - 6, py - 7], [px - w - 2, py - 20], [px - w / 2, py - 22],
        [px + 4, py + 8], [px + 8, py - 7], [px + 6, py - 20],
      ];
      const spot = spots.map(([left, top]) => [left, top, w, h]).find(free);
      if (!spot) continue;
      taken.push(spot);
      named.push({ name: point.name, on_line: point.on_line, price: x.invert(spot[0]), quality: y.invert(spot[1] + h / 2) });
    }
    return named;
  };
  const select = byId("tradeoff-task");
  const drawTradeoff = async () => {
    const points = data.tradeoffs[select.value];
    for (const table of document.querySelectorAll(".line-table")) {
      table.hidden = table.dataset.task !== select.value;
    }
    const { view } = await embed(byId("tradeoff-chart"), data.specs.tradeoff, { points, labels: [] });
    view.data("labels", placeNames(view, points));
    await view.runAsync();
    view.addEventListener("click", (_, item) => {
      const row = item?.datum?.evidence?.split(", ")[0];
      if (row) location.hash = row;
    });
  };
  const picker = byId("history-model");
  const drawHistory = async () => {
    const place = byId("history-charts");
    place.replaceChildren();
    for (const series of data.histories[picker.value]) {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const chart = document.createElement("div");
      caption.textContent = series.title;
      figure.append(caption, chart);
      place.append(figure);
      const values = series.lines.flatMap(({ version, points }) =>
        points.map(([day, value], at) => ({
          day, value, at: day, told: String(value),
          version: /^\d/.test(version ?? "") ? `v${version}` : (version ?? ""),
          begins: version !== null && at === 0,
        })),
      );
      await embed(chart, data.specs[series.scale], { values });
    }
  };
  const draw = async () => {
    if (select.options.length) await drawTradeoff();
    if (picker) await drawHistory();
  };
  select.addEventListener("change", drawTradeoff);
  picker?.addEventListener("change", drawHistory);
  let waiting;
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(draw, 200);
  });
  draw().then(() => {
    document.documentElement.dataset.drawn = "true";
    if (location.hash) reveal();
  });
})();
