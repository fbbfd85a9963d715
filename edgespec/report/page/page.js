"use strict";
(() => {
  const tip = document.getElementById("tip");

  // Marks: the name under the pointer, and with the arrow keys once a drawing has the focus.
  function say(mark, x, y) {
    tip.textContent = mark.getAttribute("aria-label");
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = Math.min(Math.max(x + 14, 8), window.innerWidth - box.width - 8);
    const top = y + 18 + box.height > window.innerHeight ? y - box.height - 12 : y + 18;
    tip.style.left = `${left}px`;
    tip.style.top = `${Math.max(top, 8)}px`;
  }
  function light(chart, mark) {
    const key = mark && mark.dataset.key;
    chart.classList.toggle("asked", Boolean(mark));
    for (const each of chart.querySelectorAll(".mark")) each.classList.toggle("lit", each === mark || Boolean(key && each.dataset.key === key));
  }
  function quiet(chart) {
    light(chart, null);
    tip.hidden = true;
  }
  for (const chart of document.querySelectorAll(".chart")) {
    const marks = [...chart.querySelectorAll(".mark")];
    if (!marks.length) continue;
    for (const mark of marks) mark.querySelector("title").remove(); // the tip says it instead
    let at = -1;
    chart.setAttribute("tabindex", "0");
    chart.addEventListener("pointermove", (event) => {
      const mark = event.target.closest(".mark");
      if (!mark) return quiet(chart);
      light(chart, mark);
      say(mark, event.clientX, event.clientY);
    });
    chart.addEventListener("pointerdown", (event) => {
      const mark = event.target.closest(".mark");
      if (mark) at = marks.indexOf(mark);
    });
    chart.addEventListener("pointerleave", () => quiet(chart));
    chart.addEventListener("blur", () => quiet(chart));
    chart.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") return quiet(chart);
      if (!by && event.key !== "Home" && event.key !== "End") return;
      event.preventDefault();
      at = event.key === "Home" ? 0 : event.key === "End" ? marks.length - 1 : (at + by + marks.length) % marks.length;
      const box = marks[at].getBoundingClientRect();
      light(chart, marks[at]);
      say(marks[at], box.right, box.bottom);
    });
  }
  for (const item of document.querySelectorAll(".legend li")) {
    const chart = item.closest("figure").querySelectorAll(".chart");
    item.addEventListener("pointerenter", () => {
      for (const each of chart) {
        const mine = [...each.querySelectorAll(".mark")].filter((mark) => mark.dataset.key === item.dataset.key);
        if (mine.length) light(each, mine[0]);
      }
    });
    item.addEventListener("pointerleave", () => chart.forEach((each) => light(each, null)));
  }

  // Tables: a head is a button that sorts; numbers by value, the rest as words; what is empty stays last.
  function sort(table, column, down) {
    const value = (row) => {
      const cell = row.cells[column];
      return "value" in cell.dataset ? Number(cell.dataset.value) : null;
    };
    const text = (row) => row.cells[column].textContent.trim();
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => {
      const empty = ["", "-"].includes(text(a)) - ["", "-"].includes(text(b));
      if (empty) return empty;
      const [x, y] = [value(a), value(b)];
      const order = x !== null && y !== null ? x - y : text(a).localeCompare(text(b), "en", { numeric: true });
      return down ? -order : order;
    });
    table.tBodies[0].append(...rows);
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const each of heads) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, column, down);
      });
    });
  }

  // What is folded opens where a link leads into it, and on paper.
  function reveal() {
    let fold = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    while ((fold = fold && fold.parentElement.closest("details"))) fold.open = true;
  }
  window.addEventListener("hashchange", reveal);
  reveal();
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.engineer:not([open]), details.more:not([open])")];
    for (const each of opened) each.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const each of opened) each.open = false;
  });

  // Light and dark: as the system has it until somebody says otherwise; what was said is kept where that is allowed.
  const button = document.getElementById("theme");
  const themes = ["", "light", "dark"];
  const words = { "": "as the system", light: "light", dark: "dark" };
  function show(theme) {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    button.textContent = `Theme: ${words[theme]}`;
  }
  function kept(theme) {
    try {
      if (theme === undefined) return localStorage.getItem("edgespec-theme") || "";
      localStorage.setItem("edgespec-theme", theme);
    } catch {
      return ""; // a file without storage
    }
    return theme;
  }
  let theme = themes.includes(kept()) ? kept() : "";
  show(theme);
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    kept(theme);
    show(theme);
  });
})();
