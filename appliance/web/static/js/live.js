// Live alerts. The stream says that something changed; the page then asks the server for its own list again,
// so that order, filters and words have one home. While the reader is in the list, the change waits behind a bar.
(() => {
  const stream = document.querySelector("#stream");
  const list = document.querySelector("[data-live]");
  if (!stream) return;
  const live = document.querySelector("#live");
  const lamp = document.querySelector("[data-lamp]");
  const bar = document.querySelector("[data-newrow]");
  const PAUSE = 400; // ms between two looks at the server while many alerts come at once
  let due = false, busy = false, last = 0, waiting = 0, connected = false;

  const engaged = () => {
    if (list.contains(document.activeElement) || list.matches(":hover")) return true;
    const selection = getSelection();
    return Boolean(selection && !selection.isCollapsed && list.contains(selection.anchorNode));
  };
  const ids = (scope) => new Set([...scope.querySelectorAll("[data-alert]")].map((row) => row.dataset.alert));

  async function look() {
    if (busy) { due = true; return; }
    busy = true;
    due = false;
    last = performance.now();
    try {
      const answer = await fetch(list.dataset.live, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
      if (answer.ok) put(await answer.text());
    } finally {
      busy = false;
      if (due) soon();
    }
  }
  function put(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const fresh of page.querySelectorAll("[data-part]")) {
      const old = document.querySelector(`[data-part="${CSS.escape(fresh.dataset.part)}"]`);
      if (!old) continue;
      const known = ids(old);
      old.replaceChildren(...fresh.childNodes);
      for (const row of old.querySelectorAll("[data-alert]")) if (!known.has(row.dataset.alert)) row.classList.add("fresh");
      if (window.htmx) htmx.process(old);
    }
  }
  function soon() {
    setTimeout(look, Math.max(0, PAUSE - (performance.now() - last)));
  }
  function announce(change) {
    const loud = change.level >= 4 ? "assertive" : "polite";
    live.setAttribute("aria-live", loud);
    live.textContent = `${live.dataset.alert} ${change.title}, ${change.host}`;
  }
  function hold() {
    bar.hidden = false;
    bar.querySelector("[data-count]").textContent = bar.dataset.text.replace("{n}", String(waiting));
  }
  function show() {
    waiting = 0;
    bar.hidden = true;
    look();
  }
  bar?.querySelector("button").addEventListener("click", show);

  stream.addEventListener("alert", (event) => {
    const change = JSON.parse(event.detail.data);
    const isNew = change.kind === "alert.new";
    if (isNew) announce(change);
    if (!list) return;
    if (isNew && bar && engaged()) { waiting += 1; hold(); return; }
    if (waiting || (!isNew && engaged())) return;
    soon();
  });
  stream.addEventListener("htmx:sse:after:connection", () => {
    lamp?.classList.remove("is-lost");
    if (lamp) lamp.querySelector("[data-lost]").hidden = true;
    if (connected && list && !engaged()) soon();
    connected = true;
  });
  stream.addEventListener("htmx:sse:error", () => {
    lamp?.classList.add("is-lost");
    if (lamp) lamp.querySelector("[data-lost]").hidden = false;
  });
  // Between the page and the stream's start a row may have come.
  if (list) addEventListener("load", () => setTimeout(() => { if (!engaged()) look(); }, 300));
})();
