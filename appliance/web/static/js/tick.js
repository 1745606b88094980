// Time passes on an open page: once a minute the words for ages, the lamp and the panels are asked for again.
// Only text changes, in place; a part that the reader points at, types in or has opened is left alone.
(() => {
  const MINUTE = 60_000, LOOK = 15_000, MOST = 200;
  const all = (selector, scope = document) => [...scope.querySelectorAll(selector)];
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");
  const busy = (part) => part.matches(":hover") || part.contains(document.activeElement) || part.querySelector("details[open]") !== null;

  // Put fresh parts in the place of the old ones; `keep` names those that must stay.
  function put(page, keep = () => false) {
    for (const fresh of all("[data-part]", page)) {
      const old = document.querySelector(`[data-part="${CSS.escape(fresh.dataset.part)}"]`);
      if (!old || keep(old)) continue;
      if (old.innerHTML !== fresh.innerHTML) old.replaceChildren(...fresh.childNodes);
    }
  }
  window.czujka = { put, parse };

  async function tick() {
    const times = all("time[data-tick]");
    const asked = (kind) => [...new Set(times.filter((one) => one.dataset.tick === kind).map((one) => one.dataset.at))].slice(0, MOST).join(",");
    const answer = await fetch(`/na-zywo/chwile?wiek=${asked("age")}&od=${asked("since")}`, { credentials: "same-origin" });
    if (!answer.ok) return;
    const said = await answer.json();
    for (const one of times) {
      const text = said[one.dataset.tick]?.[one.dataset.at];
      if (text && one.textContent !== text) one.textContent = text;
    }
    put(parse(said.top));
    const brand = document.querySelector(".brand");
    brand.className = `brand is-${said.kind}`;
    const wall = document.querySelector("[data-wall]");
    if (!wall) return;
    const panels = await fetch(wall.dataset.wall, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (panels.ok) put(parse(await panels.text()), (part) => part.dataset.part === "queue" || busy(part));
  }
  // A page that was out of sight catches up when it is seen again.
  let last = performance.now();
  async function due() {
    if (document.hidden || performance.now() - last < MINUTE) return;
    last = performance.now();
    try { await tick(); } catch { /* the lamp says that the connection is lost */ }
  }
  setInterval(due, 1000);
  document.addEventListener("visibilitychange", due);

  // Search results stand still; newer events are counted beside them.
  const newer = document.querySelector("[data-newer]");
  async function count() {
    if (document.hidden) return;
    try {
      const answer = await fetch(newer.dataset.newer, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
      if (answer.status !== 200) return;
      const text = (await answer.text()).trim();
      const link = newer.querySelector("a") ?? document.createElement("a");
      if (newer.firstChild?.textContent === `${text} `) return;
      link.href = newer.dataset.again;
      link.textContent = newer.dataset.show;
      newer.replaceChildren(`${text} `, link);
    } catch { /* counted next time */ }
  }
  if (newer) setInterval(count, LOOK);
})();
