// The page of events: values that open a menu, fields that open beside the table. Without this file a value leads to
// the event's own page, and a field opens by loading the page again.
(() => {
  const one = (selector, scope = document) => scope.querySelector(selector);
  const menu = one("#drill");
  const say = (text) => { const live = one("#live"); if (live) live.textContent = text; };
  let from = null, top = 0;

  // Where each entry of the menu leads; the server puts the query together.
  function aim(link) {
    const base = new URLSearchParams(link.closest("table").dataset.base);
    base.set("nazwa", link.dataset.f);
    base.set("wartosc", link.dataset.v);
    const go = (name) => one(`[data-go="${name}"]`, menu);
    go("plus").href = `/zdarzenia/zawez?${base}`;
    base.set("bez", "1");
    go("minus").href = `/zdarzenia/zawez?${base}`;
    go("around").href = `${link.getAttribute("href")}#wokol`;
    go("tree").href = `${link.getAttribute("href")}/drzewo`;
    one("[data-what]", menu).textContent = `${link.dataset.f}: ${link.textContent}`;
  }
  function put(link) {
    const at = link.getBoundingClientRect(), size = menu.getBoundingClientRect(), gap = 4;
    const below = at.bottom + gap + size.height <= innerHeight;
    menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
    menu.style.top = `${Math.max(8, below ? at.bottom + gap : at.top - gap - size.height)}px`;
  }
  if (menu?.showPopover) {
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a.v");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      from = link;
      aim(link);
      top = scrollY;
      menu.showPopover();
      put(link);
      one("a", menu).focus();
    });
    menu.addEventListener("toggle", (event) => { if (event.newState === "closed") from?.focus(); });
    menu.addEventListener("keydown", (event) => {
      const entries = [...menu.querySelectorAll("a, button")];
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      entries[(entries.indexOf(document.activeElement) + step + entries.length) % entries.length].focus();
    });
    const copy = one("[data-go=copy]", menu);
    copy.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(from.dataset.v); say(copy.dataset.done); } catch { say(copy.dataset.failed); }
      menu.hidePopover();
    });
    // The menu stands still while the page moves under it, so it shuts once it is no longer beside its value.
    const FAR = 80; // px
    addEventListener("scroll", () => { if (menu.matches(":popover-open") && Math.abs(scrollY - top) > FAR) menu.hidePopover(); }, { passive: true });
  }

  // A field opens in place once, and then shuts and opens without asking again.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-fold]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const entry = link.closest(".ff");
    const open = entry.classList.toggle("open");
    link.setAttribute("aria-expanded", String(open));
    if (one(".ffv", entry).children.length === 0) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
})();
