// A drawn tree becomes one that the arrow keys walk: up and down between processes, left and right shut and open.
// Without this file it is the same nested list, open as a whole.
(() => {
  const one = (selector, scope = document) => scope.querySelector(selector);
  const all = (selector, scope = document) => [...scope.querySelectorAll(selector)];

  for (const tree of all("[data-tree]")) {
    const items = all("li", tree);
    const above = (item) => item.parentElement.closest("li");
    const shut = (item) => item.getAttribute("aria-expanded") === "false";
    const seen = () => items.filter((item) => { for (let up = above(item); up; up = above(up)) if (shut(up)) return false; return true; });
    const fold = (item, open) => { if (item.hasAttribute("aria-expanded")) item.setAttribute("aria-expanded", String(open)); };
    const go = (item) => {
      if (!item) return;
      for (const other of items) other.tabIndex = -1;
      item.tabIndex = 0;
      item.focus();
    };

    tree.setAttribute("role", "tree");
    tree.setAttribute("aria-label", tree.dataset.tree);
    items.forEach((item, at) => {
      let level = 1;
      for (let up = above(item); up; up = above(up)) level += 1;
      item.setAttribute("role", "treeitem");
      item.setAttribute("aria-level", String(level));
      const said = all("[data-name]", one(".proc", item));
      said.forEach((part, place) => { part.id = `tree-${at}-${place}`; });
      item.setAttribute("aria-labelledby", said.map((part) => part.id).join(" "));
      item.tabIndex = -1;
      const below = one(":scope > ul", item);
      if (!below) return;
      below.setAttribute("role", "group");
      item.setAttribute("aria-expanded", "true");
      const knob = document.createElement("span");
      knob.className = "fold";
      knob.title = tree.dataset.fold;
      knob.addEventListener("click", () => { fold(item, shut(item)); go(item); });
      one(".hd", item).prepend(knob);
    });
    (one("li.hit", tree) ?? items[0]).tabIndex = 0;

    tree.addEventListener("keydown", (event) => {
      const item = event.target;
      if (item.getAttribute("role") !== "treeitem" || event.ctrlKey || event.metaKey || event.altKey) return;
      const row = seen();
      const here = row.indexOf(item);
      const moves = {
        ArrowDown: () => go(row[here + 1]),
        ArrowUp: () => go(row[here - 1]),
        Home: () => go(row[0]),
        End: () => go(row[row.length - 1]),
        ArrowRight: () => { if (shut(item)) fold(item, true); else go(one(":scope > ul > li", item)); },
        ArrowLeft: () => { if (item.getAttribute("aria-expanded") === "true") fold(item, false); else go(above(item)); },
        Enter: () => one("a", one(".name", item))?.click(),
      };
      if (!moves[event.key]) return;
      event.preventDefault();
      moves[event.key]();
    });
  }
})();
