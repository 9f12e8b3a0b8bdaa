// Search, filters and sorting for long tables. Without this script every table is whole and in a useful order already.
"use strict";
(() => {
  const words = JSON.parse(document.documentElement.dataset.words || "{}");
  const fold = (text) => text.normalize("NFKC").toLowerCase().replace(/[\u064b-\u0652\u0640\u200e\u200f\u2066-\u2069]/g, "");
  const make = (name, properties) => Object.assign(document.createElement(name), properties);

  const labelled = (text, control) => {
    const label = make("label", { textContent: text });
    label.append(control);
    return label;
  };

  const sorting = (table, header, column, shape) => {
    const button = make("button", { type: "button" });
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const down = header.getAttribute("aria-sort") === "ascending";
      for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => {
        const cell = row.cells[column];
        if (shape === "number") return cell.dataset.value === undefined ? -Infinity : Number(cell.dataset.value);
        return cell.dataset.value ?? fold(cell.textContent);
      };
      const rows = [...table.tBodies[0].rows].map((row) => [key(row), row]);
      const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
      rows.sort((a, b) => (down ? order(b[0], a[0]) : order(a[0], b[0])));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  };

  const tools = (table) => {
    const bar = make("div", { className: "tools" });
    const rows = [...table.tBodies[0].rows];
    const search = make("input", { type: "search" });
    const filters = [];
    const told = make("output", { textContent: "" });
    const apply = () => {
      const wanted = fold(search.value).split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = fold(row.textContent);
        const fits = wanted.every((word) => text.includes(word))
          && filters.every(([column, select]) => !select.value || row.cells[column].textContent.trim() === select.value);
        row.hidden = !fits;
        shown += fits;
      }
      told.textContent = words.shown.replace("{shown}", shown).replace("{all}", rows.length);
    };
    bar.append(labelled(words.search, search));
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const title = header.textContent.trim();
      if (header.dataset.shape === "badge") {
        const values = [...new Set(rows.map((row) => row.cells[column].textContent.trim()))].filter(Boolean).sort();
        if (values.length > 1) {
          const select = make("select", {});
          select.append(make("option", { value: "", textContent: words.all }));
          for (const value of values) select.append(make("option", { value, textContent: value }));
          select.addEventListener("change", apply);
          filters.push([column, select]);
          bar.append(labelled(title, select));
        }
      }
      sorting(table, header, column, header.dataset.shape);
    });
    search.addEventListener("input", apply);
    bar.append(told);
    table.parentElement.before(bar);
  };

  // On a narrow screen a row is a list: each cell says what its column is called.
  for (const table of document.querySelectorAll("table")) {
    const names = [...table.tHead.rows[0].cells].map((header) => header.textContent.trim());
    for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, column) => { cell.dataset.name = names[column]; });
    table.classList.add("named");
  }
  for (const table of document.querySelectorAll("table")) if (Number(table.dataset.rows) > 8) tools(table);
})();
