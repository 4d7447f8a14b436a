// The time that is left for a picture, in seconds and as a bar. The server judges; this only tells.

import { byId, setText } from "/static/console/dom.js";
import { number } from "/static/console/words.js";

const TICK_MS = 100;
const SOON_S = 4;

export class Countdown {
  #until = null;
  #ticking = 0;

  /** @param {() => void} ended the time ran out */
  constructor(ended) {
    this.ended = ended;
  }

  /** @param {number | null} leftS seconds; null where there is no limit  @param {number | null} ofS the whole limit */
  start(leftS, ofS) {
    this.stop();
    byId("time").hidden = leftS === null;
    if (leftS === null) return;
    this.#until = performance.now() + leftS * 1000;
    byId("time-bar").max = ofS ?? leftS;
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    this.#tick();
  }

  stop() {
    clearInterval(this.#ticking);
    this.#until = null;
  }

  #tick() {
    const left = Math.max(0, (this.#until - performance.now()) / 1000);
    byId("time-bar").value = left;
    setText(byId("time-left"), number(Math.ceil(left)));
    byId("time").toggleAttribute("data-soon", left <= SOON_S);
    if (left > 0) return;
    this.stop();
    this.ended();
  }
}
