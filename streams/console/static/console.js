// A page that is told of newer rows reads itself anew and puts its own content in place; without this script, reload.
"use strict";

(() => {
  const main = document.querySelector("main[data-live]");
  const live = document.getElementById("live");
  if (!main || !live) return;

  const PAUSE_MS = 3000;
  let waiting = null;
  let reading = false;

  const say = (text) => { live.textContent = text; };

  const offerCopies = () => {
    if (!navigator.clipboard) return;
    main.querySelectorAll("button[data-copy]").forEach((one) => { one.hidden = false; });
  };

  main.addEventListener("click", async (click) => {
    const one = click.target.closest("button[data-copy]");
    if (!one) return;
    try {
      await navigator.clipboard.writeText(one.dataset.copy);
      say("Copied.");
    } catch {
      say("The browser does not let this page copy.");
    }
  });

  const isBusy = () => {
    const at = document.activeElement;
    return at && main.contains(at) && at.closest("form");
  };

  const placeOf = () => {
    const at = document.activeElement;
    if (!at || !main.contains(at) || at === main) return null;
    return at.id ? `#${CSS.escape(at.id)}` : at.getAttribute("href") && `a[href="${CSS.escape(at.getAttribute("href"))}"]`;
  };

  const put = (text) => {
    const next = new DOMParser().parseFromString(text, "text/html").getElementById("main");
    if (!next || !next.hasAttribute("data-live")) { window.location.reload(); return; }
    const place = placeOf();
    const opened = [...main.querySelectorAll("details[open][id]")].map((one) => one.id);
    main.replaceChildren(...next.childNodes);
    offerCopies();
    opened.forEach((id) => { const one = document.getElementById(id); if (one) one.open = true; });
    if (place) { const at = main.querySelector(place); if (at) at.focus({ preventScroll: true }); }
    say(`Updated at ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })}.`);
  };

  const refresh = async () => {
    waiting = null;
    if (reading) return;
    if (isBusy()) { say("Newer data are there: reload when you are done."); return; }
    reading = true;
    try {
      const answer = await fetch(window.location.href, { credentials: "same-origin" });
      if (answer.redirected || answer.status === 401) { window.location.reload(); return; }
      if (answer.ok) put(await answer.text());
      else say("Newer data are there and cannot be shown now: reload.");
    } catch {
      say("The console does not answer.");
    } finally {
      reading = false;
    }
  };

  offerCopies();
  const source = new EventSource("/events");
  source.addEventListener("open", () => say("Live."));
  source.addEventListener("newer", () => { if (!waiting) waiting = window.setTimeout(refresh, PAUSE_MS); });
  source.addEventListener("error", () => say("Not live: reload to see what is newer."));
  window.addEventListener("pagehide", () => source.close());
})();
