// What goes on by itself (`data-follow`: where it is told; `data-event`: what the stream calls it) changes in place;
// a part that the reader uses waits until it is let go.
(() => {
  const stream = document.querySelector("#stream");
  const place = document.querySelector("[data-follow]");
  if (!stream || !place) return;
  const PAUSE = 500, AGAIN = 2000; // ms: between two looks, and until a part that was in use is tried again
  let busy = false, due = false, timer = 0;

  async function look() {
    timer = 0;
    if (busy) { due = true; return; }
    busy = true;
    due = false;
    let kept = false;
    // Asked for here: this file is read before the one that has them.
    const { put, parse } = window.czujka;
    const used = (part) => part.matches(":hover") || part.contains(document.activeElement);
    const keep = (part) => "calm" in part.dataset && used(part) && (kept = true);
    try {
      const answer = await fetch(place.dataset.follow, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
      if (answer.ok) put(parse(await answer.text()), keep);
    } finally {
      busy = false;
      if (due || kept) soon(kept ? AGAIN : PAUSE);
    }
  }
  function soon(pause = PAUSE) {
    if (!timer) timer = setTimeout(look, pause);
  }
  stream.addEventListener(place.dataset.event, () => soon());
  // Between the page and the stream's start a slice may have ended.
  stream.addEventListener("htmx:sse:after:connection", () => soon());
})();
