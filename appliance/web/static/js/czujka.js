// Comfort only: every page works without this file. Nothing here decides anything.
(() => {
  const root = document.documentElement;
  const one = (selector, scope = document) => scope.querySelector(selector);
  const all = (selector, scope = document) => [...scope.querySelectorAll(selector)];
  const say = (text) => { const live = one("#live"); if (live) live.textContent = text; };
  root.classList.add("js");

  const menu = one(".menu-btn");
  menu?.addEventListener("click", () => menu.setAttribute("aria-expanded", String(one("#nav").classList.toggle("open"))));

  document.addEventListener("click", async (event) => {
    all("details.pop[open]").forEach((pop) => { if (!pop.contains(event.target)) pop.open = false; });
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = (one("[data-whole]", button.parentElement) ?? one("code", button.parentElement)).textContent;
    try {
      await navigator.clipboard.writeText(text);
      say(button.dataset.done);
      button.textContent = button.dataset.done;
    } catch {
      say(button.dataset.failed);
      button.textContent = button.dataset.failed;
    }
  });

  // Rows of the events table open in place; without script the link leads to the event's own page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-row]");
    if (!link) return;
    const row = link.closest("tr");
    const next = row.nextElementSibling;
    if (!next?.classList.contains("detail")) { row.classList.add("open"); link.setAttribute("aria-expanded", "true"); return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    next.remove();
    row.classList.remove("open");
    link.setAttribute("aria-expanded", "false");
  }, true);

  const fields = one(".side-fields");
  if (fields && matchMedia("(max-width: 62rem)").matches) fields.open = false;

  const query = one("#q");
  query?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && query.tagName === "TEXTAREA") { event.preventDefault(); query.form.requestSubmit(); }
  });

  // Dragging over the histogram fills the two time fields, which are all that is ever sent.
  const brush = one(".brush");
  if (brush) {
    const svg = one("svg", brush), mark = one(".sel", svg), from = one("#od"), to = one("#do");
    const start = Number(brush.dataset.start), span = Number(brush.dataset.end) - start, width = svg.viewBox.baseVal.width;
    let anchor = null;
    const at = (event) => { const box = svg.getBoundingClientRect(); return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)); };
    const pad = (number) => String(number).padStart(2, "0");
    const format = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/Warsaw", day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    const moment = (part) => {
      const p = Object.fromEntries(format.formatToParts(new Date((start + part * span) / 1000)).map((piece) => [piece.type, piece.value]));
      return `${pad(p.day)}.${pad(p.month)}.${p.year}, ${pad(p.hour)}:${pad(p.minute)}:${pad(p.second)}`;
    };
    const show = (a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      mark.setAttribute("x", low * width);
      mark.setAttribute("width", Math.max(1, (high - low) * width));
      from.value = moment(low);
      to.value = moment(high);
    };
    const BARS = 96, STILL = 0.004; // a press that hardly moves chooses the bar under it
    svg.addEventListener("pointerdown", (event) => { anchor = at(event); svg.setPointerCapture(event.pointerId); });
    svg.addEventListener("pointermove", (event) => { if (anchor !== null) show(anchor, at(event)); });
    svg.addEventListener("pointerup", (event) => {
      if (anchor === null) return;
      const bar = Math.min(BARS - 1, Math.floor(anchor * BARS));
      if (Math.abs(at(event) - anchor) < STILL) show(bar / BARS, (bar + 1) / BARS);
      anchor = null;
      to.form.querySelector("[data-narrow]")?.focus();
    });
  }

  // Keys: never while typing, never with a modifier; a single key never acts, it only moves the focus.
  const dialog = one("#keys");
  const off = () => root.dataset.keys === "off";
  const go = { p: "/", a: "/alerty", z: "/zdarzenia", s: "/stacje", r: "/reguly", h: "/poszukiwania", d: "/zdrowie" };
  let waiting = false, timer = 0;
  all("[data-keys]").forEach((button) => button.addEventListener("click", () => dialog.showModal()));
  const step = (by) => {
    const rows = all("a.rowlink, .queue .ttl a, .x [data-row]");
    const row = document.activeElement.closest("tr.detail")?.previousElementSibling ?? document.activeElement.closest("tr");
    const here = rows.findIndex((link) => link === document.activeElement || (row && row.contains(link)));
    rows[Math.min(rows.length - 1, Math.max(0, here + by))]?.focus();
  };
  // Esc shuts what is open: a small window first, then the row that the reader is in or opened last.
  const escape = (event) => {
    if (dialog?.open || one(":popover-open") || typing(event.target)) return;
    const pops = all("details.pop[open]");
    pops.forEach((pop) => { pop.open = false; one("summary", pop).focus(); });
    if (pops.length) return;
    const inside = event.target.closest("tr.detail")?.previousElementSibling ?? event.target.closest("tr.open");
    const link = one("[data-row]", inside ?? all("tr.open").pop() ?? document.createElement("tr"));
    link?.click();
    link?.focus();
  };
  const typing = (target) => /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") escape(event);
    if (off() || event.ctrlKey || event.metaKey || event.altKey || dialog?.open) return;
    if (typing(event.target)) return;
    if (waiting && go[event.key]) { location.assign(go[event.key]); return; }
    clearTimeout(timer);
    waiting = event.key === "g";
    if (waiting) timer = setTimeout(() => { waiting = false; }, 1200);
    if (event.key === "?") dialog?.showModal();
    if (event.key === "/") { event.preventDefault(); if (query) query.focus(); else location.assign("/zdarzenia"); }
    if (event.key === "p") one("[data-ack]")?.focus();
    if (event.key === "b") one("[data-take]")?.focus();
    if (event.key === "j") step(1);
    if (event.key === "k") step(-1);
  });
})();
