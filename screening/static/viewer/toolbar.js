// <xray-toolbar for="viewer-id" groups="image" [compact] [orientation="vertical"]>: the viewer's tools as buttons.

import { icon } from "./icons.js";
import { TOOLBAR } from "./styles.js";
import { say } from "./strings.js";
import { TOOLS } from "./tools.js";

const GROUPS = ["image", "hand", "look", "place", "aid"];
/** Buttons that only make sense on a key, or that the gamma slider stands for. */
const NO_BUTTON = new Set(["lighter", "darker"]);
const KEY_SIGNS = { Space: "␣", Home: "⇱", ArrowLeft: "←", ArrowRight: "→" };
const EVENTS = ["xray-state", "xray-shown", "xray-alarms", "xray-strings", "xray-hotkeys", "xray-alarm-chosen", "xray-alarm-judged",
  "xray-error"];

export class XrayToolbar extends HTMLElement {
  #buttons = new Map();
  #viewer = null;
  #page = null;
  #slider = null;
  #current = 0;

  constructor() {
    super();
    this.attachShadow({ mode: "open", delegatesFocus: true }).adoptedStyleSheets = [TOOLBAR];
  }

  async connectedCallback() {
    await customElements.whenDefined("xray-viewer");
    const viewer = document.getElementById(this.getAttribute("for"));
    if (!viewer?.desk || !this.isConnected) return;
    this.#viewer = viewer;
    this.#page = new AbortController();
    for (const name of EVENTS) {
      const listener = name === "xray-strings" || name === "xray-hotkeys" ? () => this.#build() : () => this.#update();
      viewer.addEventListener(name, listener, { signal: this.#page.signal });
    }
    this.#build();
  }

  disconnectedCallback() {
    this.#page?.abort();
  }

  #say(key, fields) {
    return say(this.#viewer.strings, key, fields);
  }

  #build() {
    const named = (this.getAttribute("groups") ?? GROUPS.join(" ")).split(/\s+/);
    const bar = document.createElement("div");
    bar.className = "bar";
    bar.setAttribute("role", "toolbar");
    bar.setAttribute("aria-label", this.getAttribute("label") ?? this.#say("toolbar"));
    bar.setAttribute("aria-orientation", this.getAttribute("orientation") === "vertical" ? "vertical" : "horizontal");
    bar.addEventListener("keydown", this.#arrows);
    this.#buttons.clear();
    for (const group of GROUPS.filter((name) => named.includes(name))) bar.append(this.#group(group));
    if (named.includes("image")) bar.append(this.#gamma());
    this.shadowRoot.replaceChildren(bar);
    this.#update();
  }

  #group(name) {
    const group = document.createElement("div");
    group.className = "group";
    for (const tool of TOOLS.filter((each) => each.group === name && !NO_BUTTON.has(each.id))) group.append(this.#button(tool));
    return group;
  }

  #button({ id }) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.tool = id;
    const key = this.#viewer.desk.keys[id];
    const sign = document.createElement("kbd");
    sign.textContent = KEY_SIGNS[key] ?? (key.length === 1 ? key.toUpperCase() : key);
    sign.setAttribute("aria-hidden", "true");
    const word = document.createElement("span");
    word.className = "word";
    word.textContent = this.#say(`tool.${id}`);
    const drawing = icon(id);
    button.append(...(drawing ? [drawing] : []), word, ...(key ? [sign] : []));
    if (key) button.setAttribute("aria-keyshortcuts", key);
    this.#listen(button, id);
    this.#buttons.set(id, button);
    return button;
  }

  /** Pointer: down and up, so that holding peeks as with keys. Keyboard and screen readers: a click. */
  #listen(button, id) {
    const { desk } = this.#viewer;
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault(); // the focus stays where the person works
      button.setPointerCapture(event.pointerId);
      desk.press(id, event.timeStamp);
      this.#update();
    });
    for (const name of ["pointerup", "pointercancel"]) button.addEventListener(name, (up) => desk.release(id, up.timeStamp));
    button.addEventListener("click", (event) => {
      if (event.detail !== 0) return;
      if (id === "hide") (desk.hidden ? desk.release(id) : desk.press(id));
      else desk.run(id);
      this.#update();
    });
  }

  #gamma() {
    const label = document.createElement("label");
    const word = document.createElement("span");
    word.textContent = "γ";
    this.#slider = Object.assign(document.createElement("input"), { type: "range", min: "-2.3", max: "2.3", step: "0.05" });
    this.#slider.setAttribute("aria-label", this.#say("tool.gamma"));
    this.#slider.addEventListener("input", () => this.#viewer.desk.dragGamma(2 ** Number(this.#slider.value)));
    label.append(word, this.#slider);
    return label;
  }

  #update() {
    for (const [id, button] of this.#buttons) {
      const { on, reason: missing } = this.#viewer.desk.toolState(id);
      if (on === null) button.removeAttribute("aria-pressed");
      else button.setAttribute("aria-pressed", String(on && !missing));
      button.setAttribute("aria-disabled", String(Boolean(missing)));
      // Without a picture no tool is struck through: nothing is wrong with any of them.
      button.toggleAttribute("data-empty", !this.#viewer.desk.picture);
      const hint = this.#say(`hint.${id}`);
      button.title = missing ? `${hint}. ${missing}` : hint;
    }
    if (this.#slider) this.#slider.value = String(Math.log2(this.#viewer.state.gamma));
    this.#rove(this.#current);
  }

  /** One stop for Tab; arrows walk inside (mirrored where text runs from right to left). */
  #rove(at) {
    const all = [...this.#buttons.values()];
    this.#current = (at + all.length) % all.length;
    all.forEach((button, index) => button.setAttribute("tabindex", index === this.#current ? "0" : "-1"));
    return all[this.#current];
  }

  #arrows = (event) => {
    const mirrored = getComputedStyle(this).direction === "rtl" ? -1 : 1;
    const by = { ArrowRight: mirrored, ArrowLeft: -mirrored, ArrowDown: 1, ArrowUp: -1 }[event.key];
    const target = event.composedPath()[0];
    if (by === undefined || !(target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    event.stopPropagation();
    const all = [...this.#buttons.values()];
    this.#rove(all.indexOf(target) + by).focus();
  };
}

customElements.define("xray-toolbar", XrayToolbar);
