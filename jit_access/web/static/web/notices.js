/* Messages while the page lies in the background: the browser's own notifications, only after the person said so. */
(() => {
  "use strict";

  const EVERY_MS = 20_000;
  const WANTED = "notices";
  const AFTER = "notices-after";
  const body = document.body;
  const address = body.dataset.messages;
  const box = document.querySelector("[data-notices]");
  if (!address) return;

  const isPossible = "Notification" in window;
  // Another person at this browser has messages of their own.
  const key = (name) => `${name}:${body.dataset.person}`;
  const read = (name) => { try { return localStorage.getItem(key(name)) || ""; } catch { return ""; } };
  const keep = (name, value) => { try { localStorage.setItem(key(name), value); } catch { /* a private window keeps nothing */ } };
  const isOn = () => isPossible && Notification.permission === "granted" && read(WANTED) === "on";

  const show = (message) => {
    // The tag makes one of what several open pages show.
    const shown = new Notification(message.subject, { tag: message.id, icon: body.dataset.mark });
    shown.addEventListener("click", () => {
      window.focus();
      location.assign(message.path);
    });
  };

  const look = async () => {
    if (!isOn()) return;
    try {
      const after = read(AFTER);
      const answer = await fetch(`${address}?after=${encodeURIComponent(after)}`, {
        headers: { "X-Polling": "1", Accept: "application/json" }, redirect: "error",
      });
      if (!answer.ok) return;
      const told = await answer.json();
      if (read(AFTER) !== after) return; // another page was quicker
      keep(AFTER, told.after);
      told.messages.forEach(show);
    } catch {
      // Signed out, or the gateway is away: the page itself says so when it is used.
    }
  };

  /* --- the switch in Security settings -------------------------------------------------------------------------- */
  const WORDS = {
    impossible: ["This browser cannot show notifications.", ""],
    blocked: ["This browser blocks notifications from here. Allow them in its settings for this site.", ""],
    off: ["A message appears when somebody asks you, answers you, or cuts something of yours.", "Show them here"],
    on: ["Shown in this browser while a page of the gateway is open.", "Stop showing them"],
  };
  const state = () => {
    if (!isPossible) return "impossible";
    if (Notification.permission === "denied") return "blocked";
    return isOn() ? "on" : "off";
  };
  const paint = () => {
    const [words, verb] = WORDS[state()];
    box.hidden = false;
    box.querySelector("[data-notices-words]").textContent = words;
    const button = box.querySelector("button");
    button.hidden = !verb;
    button.textContent = verb;
    button.setAttribute("aria-pressed", String(state() === "on"));
  };
  if (box) {
    box.querySelector("button").addEventListener("click", async () => {
      const turnsOn = !isOn();
      if (turnsOn && Notification.permission === "default") await Notification.requestPermission();
      keep(WANTED, turnsOn && Notification.permission === "granted" ? "on" : "off");
      keep(AFTER, "");
      paint();
      look();
    });
    paint();
  }

  look();
  setInterval(look, EVERY_MS);
})();
