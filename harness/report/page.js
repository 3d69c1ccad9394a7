"use strict";
(() => {
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);

  // --- theme: auto, light, dark ---
  const themes = ["auto", "light", "dark"];
  const button = $("theme");
  const told = () => { button.textContent = `Theme: ${root.dataset.theme || "auto"}`; };
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % themes.length];
    if (next === "auto") delete root.dataset.theme; else root.dataset.theme = next;
    try { localStorage.setItem("thinker-theme", next); } catch { /* not remembered */ }
    told();
  });
  told();

  // --- the table: sort ---
  const table = $("table");
  const groups = [...table.tBodies];
  const heads = [...table.tHead.rows[0].cells];
  const cell = (group, column) => group.rows[0].cells[column].textContent.trim();
  const number = (text) => parseFloat(text.replace("−", "-").replace(/^[<>]/, ""));

  const sort = (head) => {
    const column = heads.indexOf(head);
    const isNumber = "n" in head.dataset;
    const first = isNumber && column > 0 ? "descending" : "ascending";
    const now = head.getAttribute("aria-sort");
    const order = !now ? first : now === "ascending" ? "descending" : "ascending";
    const sign = order === "ascending" ? 1 : -1;
    const keyed = groups.map((group) => {
      const text = cell(group, column);
      return { group, id: number(cell(group, 0)), key: isNumber ? number(text) : text };
    });
    const isEmpty = (key) => key === "" || Number.isNaN(key);
    keyed.sort((a, b) => {
      if (isEmpty(a.key) || isEmpty(b.key)) return isEmpty(a.key) - isEmpty(b.key) || a.id - b.id;
      const apart = isNumber ? a.key - b.key : a.key.localeCompare(b.key);
      return sign * apart || a.id - b.id;
    });
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    table.append(...keyed.map(({ group }) => group));
  };
  for (const head of heads) {
    const control = document.createElement("button");
    control.type = "button";
    control.textContent = head.textContent;
    control.addEventListener("click", () => sort(head));
    head.replaceChildren(control);
  }

  // --- the table: filter ---
  const texts = new Map(groups.map((group) => [group, group.rows[0].textContent.toLowerCase()]));
  const wanted = { verdict: $("by-verdict"), kind: $("by-kind"), text: $("by-text") };
  const filter = () => {
    const { verdict, kind, text } = wanted;
    const words = text.value.toLowerCase().trim();
    let shown = 0;
    for (const group of groups) {
      const fits = (!verdict.value || group.dataset.v.split(" ").includes(verdict.value))
        && (!kind.value || cell(group, 5) === kind.value)
        && (!words || texts.get(group).includes(words));
      group.hidden = !fits;
      shown += fits;
    }
    $("count").textContent = `${shown} of ${groups.length}`;
  };
  for (const control of Object.values(wanted)) control.addEventListener("input", filter);
  $("filter").addEventListener("submit", (event) => event.preventDefault());
  filter();

  // --- from a drawing to the row ---
  const open = () => {
    const group = /^#e\d+$/.test(location.hash) ? $(location.hash.slice(1)) : null;
    if (!group) return;
    if (group.hidden) {
      for (const control of Object.values(wanted)) control.value = "";
      filter();
    }
    const details = group.querySelector("details");
    details.open = true;
    group.scrollIntoView({ block: "start" });
    details.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", open);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#e']");
    if (link && link.getAttribute("href") === location.hash) open();
  });
  open();

  // --- the drawing: what is under the pointer or has the focus ---
  const tip = $("tip");
  const figure = tip.parentElement;
  const show = (link) => {
    const row = $(link.getAttribute("href").slice(1)).rows[0];
    const first = document.createElement("b");
    first.textContent = link.querySelector("title").textContent;
    const second = document.createElement("span");
    second.textContent = row.cells[6].textContent;
    tip.replaceChildren(first, second);
    tip.hidden = false;
    const at = link.getBoundingClientRect();
    const around = figure.getBoundingClientRect();
    const left = at.left + at.width / 2 - around.left - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(0, Math.min(left, around.width - tip.offsetWidth))}px`;
    tip.style.top = `${at.top - around.top - tip.offsetHeight - 10}px`;
  };
  const hide = () => { tip.hidden = true; };
  for (const plot of figure.querySelectorAll(".plot svg[role]")) {
    const links = [...plot.querySelectorAll("a")];
    links.sort((a, b) => number(a.getAttribute("href").slice(2)) - number(b.getAttribute("href").slice(2)));
    for (const kind of ["pointerover", "focusin"]) {
      plot.addEventListener(kind, (event) => {
        const link = event.target.closest("a");
        if (link) show(link); else if (kind === "pointerover") hide();
      });
    }
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("focusout", hide);
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, Home: -links.length, End: links.length }[event.key];
      const at = links.indexOf(document.activeElement);
      if (event.key === "Escape") hide();
      if (!step || at < 0) return;
      event.preventDefault();
      links[Math.max(0, Math.min(links.length - 1, at + step))].focus();
    });
  }
})();
