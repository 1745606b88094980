// Live alerts. The stream says that something changed; the page then asks the server for its own list again,
// so that order, filters and words have one home. While the reader is in the list, the change waits behind a bar.
(() => {
  const stream = document.querySelector("#stream");
  const list = document.querySelector("[data-live]");
  const watched = document.querySelector("[data-watched]");
  if (!stream) return;
  const { put, parse } = window.czujka;
  const live = document.querySelector("#live");
  const lamp = document.querySelector("[data-lamp]");
  const bar = document.querySelector("[data-newrow]");
  const PAUSE = 400; // ms between two looks at the server while many alerts come at once
  let due = false, busy = false, last = 0, waiting = 0, connected = false;

  const get = (url) => fetch(url, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
  const engaged = () => {
    if (list.contains(document.activeElement) || list.matches(":hover")) return true;
    const selection = getSelection();
    return Boolean(selection && !selection.isCollapsed && list.contains(selection.anchorNode));
  };
  const rows = (scope) => [...scope.querySelectorAll("[data-alert]")];

  async function look(asked = false) {
    if (busy) { due = true; return; }
    busy = true;
    due = false;
    last = performance.now();
    try {
      const answer = await get(list.dataset.live);
      if (!answer.ok) return;
      const page = parse(await answer.text());
      // Asked now, not before the answer came: a row under the pointer must not be replaced before the click ends.
      (asked || !engaged() ? refill : retell)(page);
    } finally {
      busy = false;
      if (due) soon();
    }
  }
  function refill(page) {
    const known = new Set(rows(list).map((row) => row.dataset.alert));
    put(page);
    for (const row of rows(list)) if (!known.has(row.dataset.alert)) row.classList.add("fresh");
  }
  // The reader is in the list: only who has an alert changes, in the rows that stay where they are; new ones wait.
  function retell(page) {
    const known = new Set(rows(list).map((row) => row.dataset.alert));
    waiting = rows(page).filter((row) => !known.has(row.dataset.alert)).length;
    if (waiting && bar) hold();
    for (const fresh of rows(page)) {
      const cell = list.querySelector(`[data-alert="${CSS.escape(fresh.dataset.alert)}"] .whoc`);
      if (cell && cell.innerHTML !== fresh.querySelector(".whoc").innerHTML) cell.replaceChildren(...fresh.querySelector(".whoc").childNodes);
    }
  }
  function soon() {
    setTimeout(() => look(), Math.max(0, PAUSE - (performance.now() - last)));
  }
  function hold() {
    bar.hidden = false;
    bar.querySelector("[data-count]").textContent = bar.dataset.text.replace("{n}", String(waiting));
  }
  function show() {
    waiting = 0;
    bar.hidden = true;
    look(true);
  }
  bar?.querySelector("button").addEventListener("click", show);

  // What a screen reader is told: one alert by its plain title, many by their number.
  const heard = [];
  let telling = 0;
  function announce(change) {
    heard.push(change);
    clearTimeout(telling);
    telling = setTimeout(tell, 300);
  }
  async function tell() {
    const changes = heard.splice(0);
    live.setAttribute("aria-live", changes.some((change) => change.level >= 4) ? "assertive" : "polite");
    if (changes.length > 1) { live.textContent = live.dataset.alerts.replace("{n}", String(changes.length)); return; }
    const [change] = changes;
    let title = `${change.title}, ${change.host}`;
    try {
      const answer = await get(`/alerty/${change.alert_id}/na-zywo`);
      if (answer.ok) title = parse(await answer.text()).querySelector("[data-title]").textContent;
    } catch { /* the title from the stream will do */ }
    live.textContent = `${live.dataset.alert} ${title}`;
  }

  // The page of one alert: what others do with it is told in a line, and its figures change in place.
  async function follow() {
    const answer = await get(watched.dataset.from);
    if (!answer.ok) return;
    const page = parse(await answer.text());
    put(page);
    watched.querySelector("[data-said]").textContent = page.querySelector("[data-last]").textContent;
    watched.hidden = false;
  }

  stream.addEventListener("alert", (event) => {
    const change = JSON.parse(event.detail.data);
    const isNew = change.kind === "alert.new";
    if (isNew) announce(change);
    if (watched && String(change.alert_id) === watched.dataset.watched) follow();
    if (!list) return;
    if (isNew && bar && engaged()) { waiting += 1; hold(); return; }
    if (waiting) return;
    soon();
  });
  stream.addEventListener("htmx:sse:after:connection", () => {
    document.documentElement.dataset.stream = "open";
    lamp?.classList.remove("is-lost");
    if (lamp) lamp.querySelector("[data-lost]").hidden = true;
    if (connected && list) soon();
    connected = true;
  });
  stream.addEventListener("htmx:sse:error", () => {
    delete document.documentElement.dataset.stream;
    lamp?.classList.add("is-lost");
    if (lamp) lamp.querySelector("[data-lost]").hidden = false;
  });
  // Between the page and the stream's start a row may have come.
  if (list) addEventListener("load", () => setTimeout(() => look(), 300));
})();
