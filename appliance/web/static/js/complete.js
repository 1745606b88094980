// Suggestions under the query box: names of fields and frequent values, asked of the server while one types.
// The list never takes the focus; nothing in it is chosen until an arrow key or the pointer chooses it.
(() => {
  const box = document.querySelector("#q");
  const list = document.querySelector("#q-list");
  if (!box || !list) return;
  const live = document.querySelector("#live");
  const WAIT = 120; // ms of rest before the server is asked
  let span = null, length = 0, chosen = -1, timer = 0, asked = null;

  const options = () => [...list.children];
  const close = () => {
    clearTimeout(timer);
    asked?.abort();
    list.hidden = true;
    list.replaceChildren();
    chosen = -1;
    box.removeAttribute("aria-activedescendant");
  };
  const choose = (place) => {
    const all = options();
    chosen = all.length ? (place + all.length) % all.length : -1;
    all.forEach((one, at) => one.setAttribute("aria-selected", String(at === chosen)));
    if (chosen >= 0) { box.setAttribute("aria-activedescendant", all[chosen].id); all[chosen].scrollIntoView({ block: "nearest" }); }
  };
  const option = (item, at) => {
    const made = document.createElement("li");
    made.id = `q-option-${at}`;
    made.setAttribute("role", "option");
    made.setAttribute("aria-selected", "false");
    const text = document.createElement("code");
    text.textContent = item.text;
    made.append(text);
    if (item.count !== null) {
      const count = document.createElement("span");
      count.className = "n";
      count.textContent = item.count.toLocaleString(document.documentElement.lang);
      made.append(count);
    }
    return made;
  };
  const show = (found) => {
    const here = box.value.slice(found.start, found.end);
    const items = found.items.filter((item) => item.text !== here);
    if (!items.length) { close(); return; }
    span = found;
    length = box.value.length;
    chosen = -1;
    box.removeAttribute("aria-activedescendant");
    list.replaceChildren(...items.map(option));
    list.hidden = false;
    if (live) live.textContent = list.dataset.say.replace("{n}", items.length);
  };
  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    const at = box.selectionStart;
    const query = new URLSearchParams({ q: box.value, at });
    if (list.dataset.from) query.set("from", list.dataset.from);
    if (list.dataset.to) query.set("to", list.dataset.to);
    try {
      const answer = await fetch(`${list.dataset.suggest}?${query}`, { signal: asked.signal, credentials: "same-origin" });
      if (!answer.ok) { close(); return; }
      const found = await answer.json();
      if (document.activeElement === box && box.selectionStart === at) show(found);
    } catch (fault) {
      if (fault.name !== "AbortError") close();
    }
  };
  const accept = (place) => {
    const text = options()[place].querySelector("code").textContent;
    const name = text.endsWith(":");
    const end = span.end + box.value.length - length; // what was typed since the answer belongs to the same word
    const gap = name || /^[\s)]/.test(box.value.slice(end)) ? "" : " ";
    box.setRangeText(text + gap, span.start, end, "end");
    close();
    if (name) ask();
  };

  box.addEventListener("input", (event) => {
    clearTimeout(timer);
    if (event.isComposing) return;
    if (!list.hidden && /[\s(]/.test(event.data ?? "")) close();
    timer = setTimeout(ask, WAIT);
  });
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (list.hidden) {
      if (event.key === "ArrowDown" && !event.shiftKey && !box.value.includes("\n")) { event.preventDefault(); ask(); }
      return;
    }
    const acts = {
      ArrowDown: () => choose(chosen + 1),
      ArrowUp: () => choose(chosen < 0 ? -1 : chosen - 1),
      Escape: close,
      Enter: () => accept(chosen),
      Tab: () => accept(chosen),
    };
    const needs = event.key === "Enter" || event.key === "Tab";
    if (!acts[event.key] || (needs && (chosen < 0 || event.shiftKey))) { if (needs) close(); return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    acts[event.key]();
  });
  box.addEventListener("blur", close);
  list.addEventListener("pointerdown", (event) => {
    const one = event.target.closest("[role=option]");
    event.preventDefault(); // the focus stays in the box
    if (one) accept(options().indexOf(one));
  });
})();
