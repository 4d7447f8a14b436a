// An exercise on the desk: pictures come, are answered and explained, until the exercise is over.

import "/static/viewer/viewer.js";
import "/static/viewer/toolbar.js";
import { Lost, Refusal, call } from "/static/console/api.js";
import { byId, setText } from "/static/console/dom.js";
import { listen } from "/static/console/keys.js";
import { makeOwn } from "/static/console/own_viewer.js";
import { capital, number, term, word } from "/static/console/words.js";
import { Answering } from "./answering.js";
import { Countdown } from "./countdown.js";
import { showLesson } from "./lesson.js";

const AGAIN_MS = 1500;
const TOLD_MS = 8000;
const MOST_GONE = 20;
const KEYS = { pause: "q", next: "Enter", help: "?" };

const page = JSON.parse(byId("exercise-data").textContent);
const viewer = byId("viewer");

class ExercisePage {
  #item = null;
  #state = "";
  #asking = false;
  #gone = 0;
  #telling = 0;

  constructor() {
    this.countdown = new Countdown(() => this.answering.timeUp());
    this.answering = new Answering(viewer, {
      item: () => (this.#state === "decide" ? this.#item : null),
      answered: (told) => this.#answered(told),
      refused: (refusal) => this.#refused(refusal),
      connection: (up, text) => this.#connection(up, text),
      told: (text, bad) => this.#tell(text, bad),
    });
  }

  start() {
    makeOwn(viewer, page);
    listen({
      claims: (name) => this.#claims(name),
      pressed: (name) => this.#pressed(name),
      barcode: () => {},
      before: () => viewer.state,
      restore: (state) => viewer.desk.set(state, ""),
    });
    byId("next").addEventListener("click", () => this.next());
    byId("again").addEventListener("click", () => this.next());
    byId("pause").addEventListener("click", () => this.pause());
    byId("end")?.addEventListener("click", (event) => this.#end(event.currentTarget));
    byId("begin").addEventListener("click", () => this.next());
    this.#setState("ready");
    byId("begin").focus();
  }

  // Keys

  #claims(name) {
    if (document.querySelector(".menu[open]")) return false;
    if (this.#state === "decide" && this.answering.claims(name)) return true;
    if (name === KEYS.next) return ["ready", "feedback", "stopped"].includes(this.#state);
    return name === KEYS.pause || name === KEYS.help;
  }

  #pressed(name) {
    if (this.#state === "decide" && this.answering.claims(name)) this.answering.pressed(name);
    else if (name === KEYS.next) this.next();
    else if (name === KEYS.pause) this.pause();
    else if (name === KEYS.help) window.open("/help", "_blank", "noopener");
  }

  // Pictures

  /** Ask for the next picture: the open one, where there is one. */
  async next() {
    if (this.#asking || this.#state === "decide") return;
    this.#asking = true;
    try {
      const { item, review_url: review } = await call("POST", `/api/tutor/exercises/${page.exercise}/next`);
      this.#connection(true);
      if (item) await this.#show(item);
      else location.assign(review);
    } catch (error) {
      this.#asking = false;
      this.#failed(error);
    } finally {
      this.#asking = false;
    }
  }

  async #show(item) {
    this.#item = item;
    this.countdown.start(item.left_s, page.limit_s);
    this.#setState("loading");
    setText(byId("count"), word("count", { number: number(item.number), of: number(item.of) }));
    byId("progress").value = (item.number - 1) / item.of;
    const response = await fetch(item.pixels_url, { credentials: "same-origin" }).catch(() => { throw new Lost("pixels"); });
    if (response.status === 404) return this.#withdrawn();
    if (!response.ok) throw new Lost(String(response.status));
    const picture = await response.arrayBuffer();
    this.#gone = 0;
    if (!viewer.show(picture)) return;
    viewer.setAttribute("aid", "shown");
    viewer.alarms = item.alarms.map((alarm) => ({
      id: alarm.id, view: alarm.view, box: alarm.xyxy_px, label: term(alarm.class), group: alarm.group, words: term(alarm.words_key), strength: alarm.score,
    }));
    this.answering.begin();
    this.#setState("decide");
    viewer.focus();
  }

  /** The picture is gone from the library: another one comes in its place. */
  #withdrawn() {
    this.#gone += 1;
    this.#asking = false;
    if (this.#gone > MOST_GONE) return this.#stop(word("libraryGone"), word("askTrainer"));
    return this.next();
  }

  // Answers

  async #answered(told) {
    this.countdown.stop();
    byId("progress").value = this.#item.number / this.#item.of;
    if (told.outcome === null) {
      // An examination tells at its end.
      this.#setState("loading");
      return this.next();
    }
    this.#setState("feedback");
    showLesson(viewer, told);
    setText(byId("next-word"), word(told.over ? "toReview" : "nextPicture"));
    byId("next").focus();
    requestAnimationFrame(() => performance.measure("answer to feedback", "answered"));
  }

  #refused(refusal) {
    this.countdown.stop();
    if (refusal.status === 401) return this.#setState("locked");
    this.#tell(`${refusal.error}. ${refusal.remedy}`, true);
    this.#setState("loading");
    return this.next();
  }

  #failed(error) {
    if (error instanceof Lost) {
      this.#connection(false);
      setTimeout(() => this.next(), AGAIN_MS);
    } else if (!(error instanceof Refusal)) throw error;
    else if (error.status === 401) this.#setState("locked");
    else this.#stop(error.error, error.remedy);
  }

  /** It cannot go on: say why, and what to do. What was answered is kept. */
  #stop(text, remedy) {
    this.countdown.stop();
    this.#setState("stopped");
    setText(byId("stopped-why"), sentence(text));
    setText(byId("stopped-todo"), sentence(remedy));
    byId("again").focus();
  }

  // Leaving

  pause() {
    if (!this.answering.isSending) location.assign("/tutor");
  }

  async #end(button) {
    if (!button.hasAttribute("data-really")) {
      button.setAttribute("data-really", "");
      setText(button, word("endSure"));
      return;
    }
    try {
      const { review_url: review } = await call("POST", `/api/tutor/exercises/${page.exercise}/leave`);
      location.assign(review);
    } catch (error) {
      this.#failed(error);
    }
  }

  #setState(state) {
    this.#state = state;
    document.body.dataset.state = state;
    for (const part of document.querySelectorAll("[data-when]")) part.hidden = !part.dataset.when.split(" ").includes(state);
  }

  #connection(up, text = word("connectionLost")) {
    byId("lost").hidden = up;
    if (!up) setText(byId("lost"), text);
  }

  #tell(text, bad = false) {
    clearTimeout(this.#telling);
    byId("told").classList.toggle("bad", bad);
    byId("told").hidden = false;
    setText(byId("told"), text);
    this.#telling = setTimeout(() => { byId("told").hidden = true; }, TOLD_MS);
  }
}

const sentence = (text) => (text ? capital(text) + (/[.!?؟]$/.test(text) ? "" : ".") : "");

new ExercisePage().start();
