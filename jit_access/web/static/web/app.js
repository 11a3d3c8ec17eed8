/* Conveniences only: copy buttons, countdowns, popovers, shortcuts. Every page works without this file. */
(() => {
  "use strict";

  const MINUTE_MS = 60_000;
  const SECONDS_SHOWN_BELOW_MS = 15 * MINUTE_MS;
  const SIGN_OUT_WARNING_MS = 2 * MINUTE_MS;
  const ANNOUNCED_MINUTES = [15, 5, 1];
  const body = document.body;
  const live = document.getElementById("live");
  // The server's clock decides; a wrong clock on this machine must not show a wrong end.
  const clockOffset = Date.parse(body.dataset.now || "") - Date.now() || 0;
  const serverNow = () => Date.now() + clockOffset;

  const icon = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon icon--s");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#i-${name}`);
    svg.append(use);
    return svg;
  };

  const announce = (text) => {
    const note = document.createElement("p");
    note.className = "visually-hidden";
    note.textContent = text;
    live.replaceChildren(note);
  };

  /* --- copy ------------------------------------------------------------------------------------------------- */
  const textToCopy = (box) => {
    const source = box.querySelector("[data-copy-text]");
    if (source) return source.dataset.copyText;
    const clone = box.querySelector("code").cloneNode(true);
    clone.querySelectorAll(".command__prompt").forEach((prompt) => prompt.remove());
    return clone.textContent.trim();
  };

  const addCopyButton = (box) => {
    if (box.querySelector("[data-copy-button]")) return;
    const label = document.createElement("span");
    label.className = "command__label";
    label.textContent = "Copy";
    const button = document.createElement("button");
    button.type = "button";
    button.className = box.querySelector(".codes") ? "button codes__copy" : "command__copy";
    button.dataset.copyButton = "";
    button.setAttribute("aria-label", box.dataset.copyLabel || "Copy command");
    button.append(icon("copy"), label);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(textToCopy(box));
      } catch {
        getSelection().selectAllChildren(box.querySelector("code, ul"));
        announce("Selected. Press Ctrl C to copy.");
        return;
      }
      button.replaceChildren(icon("check"), label);
      label.textContent = "Copied";
      announce("Copied");
      setTimeout(() => {
        button.replaceChildren(icon("copy"), label);
        label.textContent = "Copy";
      }, 2000);
    });
    box.append(button);
  };

  /* --- countdown: re-renders what the server said, decides nothing -------------------------------------------- */
  const spell = (ms) => {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const two = (large, unit, small, smallUnit) => (small ? `${large} ${unit} ${small} ${smallUnit}` : `${large} ${unit}`);
    if (seconds < 60) return `${seconds} s`;
    if (ms < SECONDS_SHOWN_BELOW_MS) return two(Math.floor(seconds / 60), "min", seconds % 60, "s");
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return two(Math.floor(seconds / 3600), "h", Math.floor((seconds % 3600) / 60), "min");
    return two(Math.floor(seconds / 86400), "d", Math.floor((seconds % 86400) / 3600), "h");
  };

  const announced = new Set();
  const announceEnd = (element, left) => {
    for (const minutes of ANNOUNCED_MINUTES) {
      const key = `${element.dateTime} ${minutes}`;
      const crossed = left <= minutes * MINUTE_MS && left > minutes * MINUTE_MS - 2000;
      if (crossed && !announced.has(key)) {
        announced.add(key);
        announce(`Ends in ${minutes} min`);
      }
    }
  };

  const tickCountdown = (element) => {
    const left = Date.parse(element.dateTime) - serverNow();
    const value = element.querySelector(".countdown__value");
    if (left <= 0) {
      if (element.dataset.ended !== undefined) return;
      element.dataset.ended = "";
      value.textContent = "Ended";
      element.querySelector(".countdown__unit").textContent = "";
      element.closest(".grant")?.querySelectorAll("[data-while-open]").forEach((part) => { part.hidden = true; });
      announce("Ended");
      window.htmx?.trigger(body, "refresh");
      return;
    }
    const text = spell(left);
    if (value.textContent !== text) value.textContent = text;
    element.classList.toggle("countdown--soon", left < SECONDS_SHOWN_BELOW_MS);
    announceEnd(element, left);
  };

  /* --- the session's own end ---------------------------------------------------------------------------------- */
  const sessionSpan = Date.parse(body.dataset.sessionEnds || "") - Date.parse(body.dataset.now || "");
  const tickSession = () => {
    const ends = Date.parse(body.dataset.sessionEnds || "");
    if (!ends || ends - serverNow() > SIGN_OUT_WARNING_MS || live.querySelector("[data-sign-out]")) return;
    const notice = document.createElement("div");
    notice.className = "notice";
    notice.dataset.signOut = "";
    const words = document.createElement("p");
    words.className = "strong";
    words.textContent = "You are signed out in 2 min.";
    const stay = document.createElement("a");
    stay.className = "button notice__action";
    stay.href = location.href;
    stay.textContent = "Stay signed in";
    // What was typed on this page must not be lost, so the server is asked without leaving it.
    stay.addEventListener("click", async (event) => {
      event.preventDefault();
      const answer = await fetch(location.href, { method: "HEAD", redirect: "manual" });
      if (!answer.ok) { location.reload(); return; }
      body.dataset.sessionEnds = new Date(serverNow() + sessionSpan).toISOString();
      live.replaceChildren();
    });
    notice.append(icon("clock"), words, stay);
    live.replaceChildren(notice);
  };

  const tick = () => {
    document.querySelectorAll("[data-countdown]").forEach(tickCountdown);
    tickSession();
  };

  /* --- popovers in place of a page of their own ----------------------------------------------------------------- */
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-popover]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const popover = document.getElementById(link.dataset.popover);
    if (!popover?.showPopover) return;
    event.preventDefault();
    popover.showPopover();
    popover.querySelector("input:not([type=hidden]), textarea, select, button")?.focus();
    popover.addEventListener("toggle", (toggled) => {
      if (toggled.newState === "closed") link.focus();
    }, { once: true });
  });

  /* --- shortcuts: none of them decides or cuts -------------------------------------------------------------------- */
  const KEYS = [["/", "Search"], ["g a", "My access"], ["g r", "Request access"], ["g p", "Approvals"], ["g y", "Activity"], ["g t", "Targets"], ["g s", "Settings"], ["j  k", "Next and previous row"], ["Enter", "Open the row"], ["?", "This list"]];
  const showKeys = () => {
    let box = document.getElementById("shortcuts");
    if (!box) {
      box = document.createElement("div");
      box.id = "shortcuts";
      box.className = "confirm";
      box.popover = "auto";
      box.setAttribute("role", "dialog");
      box.setAttribute("aria-label", "Keyboard shortcuts");
      const inner = document.createElement("div");
      inner.className = "confirm__body";
      const title = document.createElement("h2");
      title.className = "confirm__title";
      title.textContent = "Keyboard shortcuts";
      const list = document.createElement("dl");
      list.className = "shortcuts";
      for (const [key, what] of KEYS) {
        const term = document.createElement("dt");
        for (const part of key.split(" ").filter(Boolean)) {
          const cap = document.createElement("kbd");
          cap.className = "key";
          cap.textContent = part;
          term.append(cap, " ");
        }
        const words = document.createElement("dd");
        words.textContent = what;
        list.append(term, words);
      }
      inner.append(title, list);
      box.append(inner);
      body.append(box);
    }
    box.showPopover();
  };

  const moveRow = (step) => {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    next.querySelector("a, button")?.focus();
  };

  let isGoing = false;
  const onKey = (event) => {
    if (body.dataset.shortcuts === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (isGoing) {
      isGoing = false;
      const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "g") { isGoing = true; setTimeout(() => { isGoing = false; }, 1500); return; }
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    } else if (event.key === "?") { showKeys(); }
    else if (event.key === "j") { moveRow(1); }
    else if (event.key === "k") { moveRow(-1); }
  };

  /* --- after a swap ------------------------------------------------------------------------------------------------ */
  const prepare = (root) => {
    root.querySelectorAll("[data-copy]").forEach(addCopyButton);
    root.querySelectorAll("[data-without-script]").forEach((part) => { part.hidden = true; });
  };

  let lastWords = document.querySelector("[data-announce]")?.dataset.announce;
  document.addEventListener("htmx:afterSwap", () => {
    prepare(document);
    const state = document.querySelector("[data-announce]");
    if (state && state.dataset.announce !== lastWords) {
      lastWords = state.dataset.announce;
      announce(lastWords);
      if (state.dataset.title) document.title = `${state.dataset.title} · jit access`;
    }
  });
  // A refusal in a swap (signed out, second factor stale) belongs on a page of its own.
  document.addEventListener("htmx:responseError", () => announce("This page could not update itself. Reload it."));

  document.querySelectorAll("form[data-autosubmit] select").forEach((select) => {
    select.addEventListener("change", () => select.form.requestSubmit());
  });
  document.addEventListener("keydown", onKey);
  prepare(document);
  document.getElementById("errors")?.focus();
  tick();
  setInterval(tick, 1000);
})();
