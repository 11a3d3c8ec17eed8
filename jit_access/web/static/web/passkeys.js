/* Passkeys in forms: in place of a code, and the making of a new one. The server judges; this only carries. */
(() => {
  "use strict";
  if (window.jitPasskeys) return; // two fields of one page bring this file twice
  window.jitPasskeys = true;

  const keys = window.PublicKeyCredential;
  const canAsk = Boolean(keys?.parseRequestOptionsFromJSON);
  const canMake = Boolean(keys?.parseCreationOptionsFromJSON);
  const UNUSED = "The passkey was not used. Try again, or type a code.";
  const UNMADE = "No passkey was made. Try again; this device may have one for you already.";
  const UNKNOWN_HERE = "This browser cannot make passkeys. Use a newer one.";

  const fetchOptions = async (address, form, values) => {
    const body = new URLSearchParams(values);
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    const answer = await fetch(address, { method: "POST", body, redirect: "error", credentials: "same-origin" });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.sentence);
    return told;
  };

  const complain = (box, text) => {
    let line = box.querySelector("[data-passkey-problem]");
    if (!line) {
      line = document.createElement("p");
      line.className = "field__error";
      line.dataset.passkeyProblem = "";
      line.setAttribute("role", "alert");
      box.append(line);
    }
    line.textContent = text;
  };

  // A browser's own refusals (cancelled, timed out, registered already) are told alike: it does not say more.
  const problemOf = (error, otherwise) => (error instanceof DOMException || error instanceof TypeError ? otherwise : error.message);

  const send = (form, answer, button) => {
    form.elements.passkey.value = JSON.stringify(answer.toJSON());
    form.noValidate = true;
    form.requestSubmit(button);
  };

  const run = async (form, button, box, ask, otherwise) => {
    if (form.dataset.busy !== undefined) return;
    form.dataset.busy = "";
    if (button) button.setAttribute("aria-busy", "true");
    try {
      send(form, await ask(), button);
    } catch (error) {
      complain(box, problemOf(error, otherwise));
      box.dispatchEvent(new Event("passkeyfailed"));
    } finally {
      delete form.dataset.busy;
      button?.removeAttribute("aria-busy");
    }
  };

  const proveWith = (box, form) => async () => {
    const options = await fetchOptions(box.dataset.passkey, form, { payload_hash: box.dataset.payloadHash });
    return navigator.credentials.get({ publicKey: keys.parseRequestOptionsFromJSON(options) });
  };

  /* The code field steps back behind a link; it comes forward when it is asked for, or when a passkey failed. */
  const foldCode = (box) => {
    const parts = [...box.children].filter((part) => !part.matches("input[type=hidden], script, .field__error"));
    const button = box.closest("form").querySelector("[data-passkey-verb]");
    const verb = button?.textContent;
    const more = document.createElement("button");
    more.type = "button";
    more.className = "link small";
    more.textContent = "Type a code instead";
    const unfold = () => {
      parts.forEach((part) => { part.hidden = false; });
      more.remove();
      if (button) button.textContent = verb;
    };
    more.addEventListener("click", () => { unfold(); box.querySelector("input:not([type=hidden])").focus(); });
    if (box.dataset.passkeyOnly === undefined) box.addEventListener("passkeyfailed", unfold);
    parts.forEach((part) => { part.hidden = true; });
    if (button) button.textContent = button.dataset.passkeyVerb;
    if (box.dataset.passkeyOnly === undefined) box.append(more);
  };

  const takeOver = (box) => {
    const form = box.closest("form");
    const code = form.elements.code;
    code.required = false;
    if (!box.querySelector(".field__error") || box.dataset.passkeyOnly !== undefined) foldCode(box);
    form.addEventListener("submit", (event) => {
      if (code.value.trim() || form.elements.passkey.value) return;
      event.preventDefault();
      if (!form.noValidate && !form.reportValidity()) return;
      run(form, event.submitter, box, proveWith(box, form), UNUSED);
    });
  };

  const offerNew = (form) => {
    const box = form.querySelector(".panel__body");
    const button = form.querySelector("[type=submit]");
    if (!canMake) {
      button.disabled = true;
      complain(box, UNKNOWN_HERE);
      return;
    }
    form.addEventListener("submit", (event) => {
      if (form.elements.passkey.value) return;
      event.preventDefault();
      const make = async () => {
        const options = await fetchOptions(form.dataset.newPasskey, form, {});
        return navigator.credentials.create({ publicKey: keys.parseCreationOptionsFromJSON(options) });
      };
      run(form, button, box, make, UNMADE);
    });
  };

  if (canAsk) document.querySelectorAll("[data-passkey]").forEach(takeOver);
  document.querySelectorAll("form[data-new-passkey]").forEach(offerNew);
})();
