// What a page does beside showing: relative times move on, and a stream that has stopped says since when.
(() => {
  "use strict";

  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

  function relative(seconds) {
    const size = Math.abs(seconds);
    if (size < 1) return "now";
    const [unit, length] = units.find(([, length]) => size >= length);
    const text = `${Math.floor(size / length)} ${unit}`;
    return seconds < 0 ? `${text} ago` : `in ${text}`;
  }

  function tick() {
    for (const element of document.querySelectorAll("time[data-relative]")) {
      const text = relative((Date.parse(element.dateTime) - Date.now()) / 1000);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  const stale = () => document.getElementById("stale");

  document.addEventListener("htmx:sse:error", () => {
    const banner = stale();
    if (!banner || !banner.hidden) return;
    banner.textContent = `No live updates since ${new Date().toLocaleTimeString()}. Trying again.`;
    banner.hidden = false;
  });

  document.addEventListener("htmx:sse:after:connection", () => {
    const banner = stale();
    if (banner) banner.hidden = true;
  });

  // Choosing a job type shows its form at once; without scripts a button does.
  for (const select of document.querySelectorAll("select[data-submits]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }
  for (const button of document.querySelectorAll("[data-without-scripts]")) button.hidden = true;

  // The request beside the form of a load follows what is typed.
  for (const form of document.querySelectorAll("form[data-load]")) {
    const shown = form.querySelector("[data-load-body]");
    const show = () => {
      const mix = JSON.parse(form.elements.kind.selectedOptions[0].dataset.mix);
      for (const part of Object.values(mix)) {
        if ("seconds" in part.payload) part.payload.seconds = Number(form.elements.seconds.value);
      }
      const body = { mix, count: Number(form.elements.count.value), over: Number(form.elements.over.value) };
      shown.textContent = JSON.stringify(body);
    };
    form.addEventListener("input", show);
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); }
    }
  });

  setInterval(tick, 1000);
  document.addEventListener("htmx:sse:after:message", tick);
})();
