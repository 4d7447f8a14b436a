// An answer: where it is, or that there is nothing; then how sure, on one more key; sent until the server has it.

import { Lost, Refusal, call, requestId } from "/static/console/api.js";
import { byId, setText } from "/static/console/dom.js";
import { word } from "/static/console/words.js";

const AGAIN_MS = 1000;
const KEYS = { harmless: "r", threat: "o", back: "Escape" };
const SURE = /^[1-6]$/;

export class Answering {
  #said = null;
  #sending = false;
  #since = 0;

  /**
   * @param {HTMLElement} viewer
   * @param {{item: () => object | null, answered: (told: object) => void, refused: (refusal: Refusal) => void,
   *   connection: (up: boolean, text?: string) => void, told: (text: string, bad?: boolean) => void}} page
   */
  constructor(viewer, page) {
    Object.assign(this, { viewer, page });
    viewer.addEventListener("xray-pointed", ({ detail }) => this.threatAt(detail.view, detail.point));
    viewer.addEventListener("xray-box-drawn", ({ detail: { view, box } }) => this.threatAt(view, { x: (box[0] + box[2]) / 2, y: (box[1] + box[3]) / 2 }));
    byId("harmless").addEventListener("click", () => this.harmless());
    byId("threat").addEventListener("click", () => this.threatHere());
    byId("back").addEventListener("click", () => this.back());
    for (const button of document.querySelectorAll("[data-sure]")) {
      if (SURE.test(button.dataset.sure)) button.addEventListener("click", () => this.sure(Number(button.dataset.sure)));
    }
    window.addEventListener("beforeunload", (event) => { if (this.#sending) event.preventDefault(); });
  }

  get isSending() {
    return this.#sending;
  }

  /** A new picture is on the screen. */
  begin() {
    this.#since = performance.now();
    this.#ask(null);
  }

  claims(name) {
    if (this.#said) return SURE.test(name) || Object.values(KEYS).includes(name);
    return name === KEYS.harmless || name === KEYS.threat;
  }

  pressed(name) {
    if (name === KEYS.harmless) this.harmless();
    else if (name === KEYS.threat) this.threatHere();
    else if (name === KEYS.back) this.back();
    else this.sure(Number(name));
  }

  harmless() {
    if (!this.page.item() || this.#sending) return;
    this.viewer.point(null);
    this.#ask({ is_threat: false, took_ms: this.#took() });
  }

  threatAt(view, { x, y }) {
    if (!this.page.item() || this.#sending) return;
    this.viewer.desk.marks = [];
    this.viewer.point({ view, x, y, label: word("yourClick") });
    this.#ask({ is_threat: true, click_px: [x, y], view, took_ms: this.#took() });
  }

  /** By keyboard: where the cross, the chosen box or the pointer is. */
  threatHere() {
    const { desk } = this.viewer;
    const chosen = desk.everything().find(({ id }) => id === desk.chosen);
    const middle = chosen && { view: chosen.view, point: { x: (chosen.box[0] + chosen.box[2]) / 2, y: (chosen.box[1] + chosen.box[3]) / 2 } };
    const at = desk.cursor ?? middle ?? desk.hover;
    if (at) this.threatAt(desk.views[at.view].name, at.point);
    else this.page.told(word("pointFirst"));
  }

  back() {
    if (this.#sending) return;
    this.viewer.point(null);
    this.#ask(null);
    this.viewer.focus();
  }

  sure(confidence) {
    if (!this.#said || this.#sending) return;
    performance.mark("answered");
    this.#send({ ...this.#said, confidence });
  }

  timeUp() {
    if (this.page.item() && !this.#sending) this.#send({ is_threat: null, took_ms: this.#took() });
  }

  #took() {
    return Math.max(0, Math.round(performance.now() - this.#since));
  }

  #ask(said) {
    this.#said = said;
    byId("choices").hidden = said !== null;
    byId("sureness").hidden = said === null;
    if (said) setText(byId("sureness-title"), word(said.is_threat ? "sureThreat" : "sureHarmless"));
  }

  async #send(said) {
    const item = this.page.item();
    if (!item) return;
    this.#sending = true;
    document.body.toggleAttribute("data-sending", true);
    try {
      const told = await this.#untilHeard(item, { request_id: requestId(), ...said });
      this.#sending = false;
      this.page.answered(told);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#sending = false;
      this.page.refused(error);
    } finally {
      this.#sending = false;
      document.body.toggleAttribute("data-sending", false);
    }
  }

  /** The same request again until it is answered: it counts once. */
  async #untilHeard(item, wish) {
    for (;;) {
      try {
        const told = await call("POST", `/api/tutor/items/${item.id}/answer`, wish);
        this.page.connection(true);
        return told;
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        this.page.connection(false, word("notYetKept"));
        await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
      }
    }
  }
}
