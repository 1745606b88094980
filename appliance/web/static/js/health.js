// The box's pace while this page is open: one dense live line, drawn by uPlot; the figures stand beside it as text.
(() => {
  const box = document.querySelector("[data-pace]");
  if (!box || !window.uPlot) return;
  const now = document.querySelector("[data-pace-now]");
  const KEEP = 150, EVERY = 2000; // points, ms
  const times = [], rates = [];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const resolve = (name) => {
    const probe = document.createElement("i");
    probe.className = "vh";
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value || colour(name);
  };
  const clock = new Intl.DateTimeFormat("pl-PL", { timeZone: "Europe/Warsaw", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const axis = { stroke: resolve("--ink-3"), grid: { stroke: resolve("--line"), width: 1 }, ticks: { show: false }, font: "12.5px Plex" };
  const chart = new uPlot({
    width: box.clientWidth, height: 160, legend: { show: false }, cursor: { show: false }, scales: { y: { range: (_, __, top) => [0, Math.max(10, top * 1.1)] } },
    axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => clock.format(new Date(tick * 1000))), space: 90 }, { ...axis, size: 56 }],
    series: [{}, { stroke: resolve("--ink-2"), width: 1.5, fill: resolve("--zone"), points: { show: false } }],
  }, [times, rates], box);
  addEventListener("resize", () => chart.setSize({ width: box.clientWidth, height: 160 }));

  let before = null;
  async function sample() {
    try {
      const answer = await fetch(box.dataset.pace, { credentials: "same-origin" });
      if (!answer.ok) return;
      const { at, events } = await answer.json();
      if (before && at > before.at) {
        const rate = Math.max(0, (events - before.events) / ((at - before.at) / 1e6));
        times.push(at / 1e6);
        rates.push(rate);
        if (times.length > KEEP) { times.shift(); rates.shift(); }
        chart.setData([times, rates]);
        now.textContent = Math.round(rate).toLocaleString("pl-PL");
      }
      if (!before || at > before.at) before = { at, events };
    } finally {
      setTimeout(sample, EVERY);
    }
  }
  sample();
})();
