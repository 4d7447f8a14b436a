// Keys of the desk, and barcode scanners that type: a burst of characters is a barcode, never a decision.

import { isTaken } from "/static/viewer/hotkeys.js";

/** Between characters of a scanner; people are slower. */
const BURST_MS = 35;
const LEAST_BARCODE = 4;

/** The character or name of a key, found by place where the keyboard writes no Latin letters. */
export function nameOf(event) {
  const place = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code)?.[1].toLowerCase();
  if (event.key.length !== 1) return event.key;
  const key = event.key.toLowerCase();
  return /^[a-z0-9?]$/.test(key) ? key : (place ?? key);
}

/**
 * Listens before the viewer does.
 * @param {{claims: (name: string) => boolean, pressed: (name: string) => void, barcode: (text: string) => void,
 *   before: () => any, restore: (state: any) => void}} desk
 */
export function listen(desk) {
  let burst = "";
  let last = -Infinity;
  let waiting = 0;
  let pending = null;
  let state = null;

  function keyDown(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const now = event.timeStamp; // when the key went down, however busy the page was since
    const follows = now - last < BURST_MS;
    // Before anything else: Enter at the end of a barcode must not press the button that has the focus.
    if (event.key === "Enter" && follows && burst.length >= LEAST_BARCODE) return finish(event);
    if (isTaken(event)) return;
    if (event.repeat) return desk.claims(nameOf(event)) ? stop(event) : undefined;
    if (event.key.length === 1 && event.key !== " ") {
      if (!follows) [burst, state] = ["", desk.before()];
      burst += event.key;
      last = now;
    }
    if (follows && burst.length > 1) return swallow(event);
    if (pending !== null) act(); // it stood alone, though the page was too busy to say so in time
    const name = nameOf(event);
    if (!desk.claims(name)) return;
    stop(event);
    pending = name;
    waiting = setTimeout(ripe, name.length === 1 ? BURST_MS : 0);
  }

  /** The key stood alone, unless more keys wait to be heard. */
  function ripe() {
    if (navigator.scheduling?.isInputPending?.()) waiting = setTimeout(ripe, BURST_MS);
    else if (pending !== null) act();
  }

  function act() {
    const name = pending;
    forget();
    desk.pressed(name);
  }

  function forget() {
    clearTimeout(waiting);
    pending = null;
  }

  function swallow(event) {
    forget();
    stop(event);
    if (burst.length === 2) desk.restore(state);
  }

  function finish(event) {
    stop(event);
    forget();
    desk.barcode(burst);
    burst = "";
  }

  window.addEventListener("keydown", keyDown, { capture: true });
}

function stop(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
}
