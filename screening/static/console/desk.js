// The desk: takes parcels, shows them, and sees to it that the person always knows what is going on.

import "/static/viewer/viewer.js";
import "/static/viewer/toolbar.js";
import { boxesOf, listAlarms } from "./alarms.js";
import { Lost, Refusal, call } from "./api.js";
import { barcodeField, scanned, showItemId } from "./barcode.js";
import { Belt } from "./belt.js";
import { Deciding } from "./deciding.js";
import { byId, make, setText } from "./dom.js";
import { listen } from "./keys.js";
import { hearLane, showLanes } from "./lanes.js";
import { Marking, fillClasses } from "./marking.js";
import { follow } from "./news.js";
import { makeOwn } from "./own_viewer.js";
import { forgetPicture, pictureOf } from "./pictures.js";
import { ownPresets } from "./presets.js";
import { hideProjected, showProjected } from "./projected.js";
import { nameOf, showCounts, showQueue } from "./queue.js";
import { oneDesk } from "./tabs.js";
import { clock, number, term, word } from "./words.js";

const RENEW_MS = 10_000;
const AGAIN_MS = 1500;
const TOLD_MS = 8000;
const QUEUE_MS = 120;
const EARLY_MS = 6000;
const CLOCK_MS = 5000;
const KEYS = { pause: "q", note: "c", number: "k", help: "?" };

const page = JSON.parse(byId("desk-data").textContent);
const viewer = byId("viewer");

class DeskPage {
  #parcel = null;
  #state = "";
  #since = 0;
  #aidShown = false;
  #aidTimer = 0;
  #lookTimer = 0;
  #telling = 0;
  #toldStays = false;
  #queueTimer = 0;
  #early = 0;
  #taking = false;
  #active = false;
  #paused = false;
  #count = Number(sessionStorage.getItem("decided") ?? 0);

  constructor() {
    const parcel = () => this.#parcel;
    this.deciding = new Deciding({
      parcel,
      details: () => this.#details(),
      decided: (answer) => this.#decided(answer),
      taken: (taken) => this.#show(taken),
      refused: (refusal) => this.#refused(refusal),
      connection: (up, text) => this.#connection(up, text),
    });
    this.marking = new Marking(viewer, { parcel, told: (text, bad) => this.tell(text, bad), judged: () => this.#list() });
    this.naming = { parcel, named: (itemId) => { this.#parcel = { ...this.#parcel, item_id: itemId }; this.#heading(); } };
    barcodeField(this.naming);
    this.belt = new Belt();
  }

  get lane() {
    return byId("lane-choice")?.value || null;
  }

  start() {
    makeOwn(viewer, page);
    fillClasses(page.classes.map((name) => new Option(term(name), name)));
    viewer.addEventListener("xray-state", ({ detail }) => this.#aidSeen(detail.state.aid));
    viewer.addEventListener("xray-alarm-chosen", ({ detail }) => this.#markChosen(detail.id));
    listen({
      claims: (name) => this.#claims(name),
      pressed: (name) => this.#pressed(name),
      barcode: (text) => scanned(text, this.naming),
      before: () => viewer.state,
      restore: (state) => viewer.desk.set(state, ""),
    });
    this.#buttons();
    ownPresets({ viewer, presets: page.preferences.presets, told: (text, bad) => this.tell(text, bad) });
    this.tabs = oneDesk((active) => this.#turned(active));
    page.lanes.forEach((lane) => hearLane(lane, this.lane));
    this.belt.show(this.lane ?? page.lanes[0]?.name ?? "");
    showLanes(this.lane);
    follow({
      parcel: (news) => this.#news(news),
      lane: (lane) => { hearLane(lane, this.lane); this.belt.show(this.lane ?? page.lanes[0]?.name ?? lane.name); },
      queue: (counts) => showCounts(counts),
      early: (news) => { this.belt.early(news); this.#passing(); },
      belt: () => this.#passing(),
      projected: (told) => this.#unprojected(told),
      ended: () => this.#locked(),
    }, (up) => this.#connection(up));
    setInterval(() => this.#renew(), RENEW_MS);
    const tick = () => setText(byId("clock"), clock(new Date()));
    setInterval(tick, CLOCK_MS);
    tick();
  }

  #buttons() {
    byId("undo-button").addEventListener("click", () => this.deciding.undo());
    byId("pause").addEventListener("click", () => this.pause());
    byId("resume").addEventListener("click", () => this.resume());
    byId("take-over").addEventListener("click", () => this.tabs.claim());
    byId("lane-choice")?.addEventListener("change", () => { showLanes(this.lane); this.belt.show(this.lane ?? page.lanes[0]?.name ?? ""); this.#soonQueue(); if (!this.#parcel) this.take(); });
    byId("note").addEventListener("keydown", (event) => { if (event.key === "Escape" || event.key === "Enter") { event.preventDefault(); viewer.focus(); } });
  }

  // Keys

  #claims(name) {
    if (document.querySelector(".menu[open]") && name !== KEYS.help) return false;
    return this.deciding.claims(name) || Object.values(KEYS).includes(name);
  }

  #pressed(name) {
    if (this.deciding.claims(name)) this.deciding.pressed(name);
    else if (name === KEYS.pause) (this.#paused ? this.resume() : this.pause());
    else if (name === KEYS.note) byId("note").focus();
    else if (name === KEYS.number) byId("item-id").select();
    else if (name === KEYS.help) location.assign("/help");
  }

  // Parcels

  /** Ask for the next parcel; the one at hand stays at hand. */
  async take() {
    if (this.#taking || !this.#active || this.#paused) return;
    this.#taking = true;
    try {
      const { parcel } = await call("POST", "/api/desk/next", this.lane ? { lane: this.lane } : {});
      this.#connection(true);
      this.#show(parcel);
    } catch (error) {
      this.#failed(error, () => this.take());
    } finally {
      this.#taking = false;
    }
  }

  async #show(parcel) {
    this.#parcel = parcel;
    hideProjected();
    this.deciding.show(parcel?.choices ?? []);
    this.marking.show(parcel);
    showItemId(parcel);
    byId("note").value = "";
    byId("note").disabled = !parcel;
    this.#heading();
    this.#soonQueue();
    clearTimeout(this.#lookTimer);
    if (this.#toldStays) this.#untell();
    if (!parcel) return this.#empty();
    this.#setState("decide");
    this.#prepareAid(parcel);
    try {
      const picture = await pictureOf(parcel);
      if (this.#parcel?.id !== parcel.id) return;
      if (picture === null) viewer.clear();
      else if (viewer.show(picture)) viewer.alarms = boxesOf(parcel);
    } catch {
      if (this.#parcel?.id === parcel.id) viewer.load(parcel.scans.find((scan) => scan.pixels_url)?.pixels_url ?? "");
    }
    this.#since = performance.now();
    const missing = parcel.scans.filter((scan) => !scan.pixels_url);
    if (missing.length) this.tell(missing.map((scan) => word(`noPicture.${scan.no_picture || "gone"}`, { parcel: nameOf(parcel), view: term(scan.view) })).join(" "), true, true);
    if (parcel.look_s) this.#lookTimer = setTimeout(() => this.tell(word("lookLong")), parcel.look_s * 1000);
  }

  #empty() {
    viewer.clear();
    byId("alarms").replaceChildren();
    this.#setState(this.#paused ? "paused" : this.#early > performance.now() ? "scanning" : "waiting");
  }

  #heading() {
    const parcel = this.#parcel;
    setText(byId("parcel-name"), parcel ? nameOf(parcel) : "");
    byId("verdict").dataset.verdict = parcel?.verdict ?? "";
    setText(byId("verdict"), parcel ? term(parcel.verdict) : "");
    const reason = parcel?.scans.find((scan) => scan.verdict === parcel.verdict)?.reason;
    setText(byId("verdict-why"), parcel ? word(`verdict.${parcel.verdict}`) : "");
    byId("verdict-why").title = reason ?? "";
    byId("second-look").hidden = parcel?.state !== "second look";
    const before = parcel?.decisions.filter((one) => !one.undone).at(-1);
    setText(byId("second-look"), before ? word("secondLook", { person: before.person, decision: term(before.kind), note: before.note }) : "");
    const declared = Object.entries(parcel?.declared ?? {}).filter(([, value]) => value !== null && value !== "");
    byId("declared").replaceChildren(...declared.map(([key, value]) => (
      make("div", { class: key }, make("dt", {}, term(key)), make("dd", {}, make("bdi", {}, String(value)))))));
    byId("declared-none").hidden = declared.length > 0 || !parcel;
    byId("pause").hidden = !parcel;
    document.title = parcel ? `${term(parcel.verdict)} · ${nameOf(parcel)}` : word("title");
  }

  // Aid: the detector's boxes at once, after a look, or on demand

  #prepareAid({ aid }) {
    clearTimeout(this.#aidTimer);
    const atOnce = aid.mode === "at once";
    this.#aidShown = false;
    if (atOnce) {
      if (!viewer.state.aid && page.preferences.next_parcel === "reset") viewer.setAttribute("aid", "shown");
    } else viewer.setAttribute("aid", "hidden");
    if (aid.mode === "after a look") this.#aidTimer = setTimeout(() => viewer.setAttribute("aid", "shown"), aid.after_s * 1000);
    this.#aidSeen(viewer.state.aid);
  }

  #aidSeen(shown) {
    this.#aidShown ||= shown;
    byId("aid-hidden").hidden = shown || !this.#parcel;
    byId("alarms").hidden = !shown;
    document.body.toggleAttribute("data-blind", !shown && this.#parcel !== null);
    this.#list();
  }

  #list() {
    if (this.#parcel) listAlarms(byId("alarms"), this.#parcel, this.marking.judgedBy, (id) => viewer.focusAlarm(id));
    const none = this.#parcel && this.#parcel.scans.every((scan) => !scan.detections.length && !scan.dense.length);
    byId("alarms-none").hidden = !none || byId("alarms").hidden;
  }

  #markChosen(id) {
    for (const button of byId("alarms").querySelectorAll("[data-alarm]")) {
      if (button.dataset.alarm === id) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  // Decisions

  #details() {
    return {
      note: byId("note").value.slice(0, 2000), took_ms: Math.max(0, Math.round(performance.now() - this.#since)), aid_shown: this.#aidShown,
      next: this.#active && !this.#paused, ...(this.lane ? { lane: this.lane } : {}),
    };
  }

  #decided(answer) {
    if (answer.projected) return this.#projected(answer.projected, answer.next);
    this.#count += 1;
    sessionStorage.setItem("decided", String(this.#count));
    this.#showCount();
    this.#show(answer.next);
  }

  /** The picture carried a projected threat: it is told at once, and the parcel itself waits to be decided. */
  #projected(told, parcel) {
    forgetPicture(told.parcel_id);
    this.deciding.forgetUndo();
    this.#show(parcel);
    showProjected(told);
  }

  /** A supervisor stopped projecting: a picture that carried one is the parcel's own again. */
  async #unprojected(told) {
    forgetPicture(told.parcel_id);
    if (told.parcel_id !== this.#parcel?.id) return;
    try {
      const parcel = await call("GET", `/api/parcels/${told.parcel_id}`);
      if (told.parcel_id === this.#parcel?.id) this.#projected(told, parcel);
    } catch (error) {
      this.#failed(error, () => this.#unprojected(told));
    }
  }

  #showCount() {
    setText(byId("shift"), word("shift", { count: number(this.#count) }));
  }

  #refused(refusal) {
    if (refusal.status === 401) return this.#locked();
    this.tell(`${refusal.error}. ${refusal.remedy}`, true);
    if (refusal.status === 409) this.take();
  }

  #failed(error, again) {
    if (error instanceof Lost) {
      this.#connection(false);
      setTimeout(again, AGAIN_MS);
    } else if (error instanceof Refusal) this.#refused(error);
    else throw error;
  }

  async #renew() {
    const id = this.#parcel?.id;
    if (!id || !this.#active) return;
    try {
      const { held, projected } = await call("POST", "/api/desk/renew", { parcel_id: id });
      this.#connection(true);
      if (projected) return this.#unprojected(projected);
      if (held || this.#parcel?.id !== id) return;
      this.tell(word("goneElsewhere", { parcel: nameOf(this.#parcel) }), true);
      this.#parcel = null;
      this.take();
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) this.#locked();
      else if (error instanceof Lost) this.#connection(false);
    }
  }

  async pause() {
    const parcel = this.#parcel;
    this.#paused = true;
    this.deciding.forgetUndo();
    this.#show(null);
    byId("resume").focus();
    if (parcel) await call("POST", "/api/desk/put-back", { parcel_id: parcel.id }).catch((error) => this.#failed(error, () => {}));
  }

  resume() {
    this.#paused = false;
    this.#setState("waiting");
    viewer.focus();
    this.take();
  }

  // News

  #news(news) {
    if (news.id === this.#parcel?.id && news.why === "decided") return;
    this.#soonQueue();
    if (!this.#parcel && !news.leased) this.take();
  }

  #soonQueue() {
    clearTimeout(this.#queueTimer);
    this.#queueTimer = setTimeout(() => this.#queue(), QUEUE_MS);
  }

  async #queue() {
    try {
      const queue = await call("GET", `/api/desk/queue${this.lane ? `?lane=${encodeURIComponent(this.lane)}` : ""}`);
      showQueue(queue, this.#parcel?.id ?? null);
      showCounts(queue.counts);
      this.#count = Math.max(this.#count, queue.mine.filter((one) => !one.undone).length);
      this.#showCount();
      if (!this.#parcel && queue.waiting.some((one) => !one.leased)) this.take();
      await this.#fetchAhead(queue.waiting.find((one) => !one.leased && one.id !== this.#parcel?.id));
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) this.#locked();
      else if (!(error instanceof Lost || error instanceof Refusal)) throw error;
    }
  }

  /** The picture of the next parcel is here before it is asked for. */
  async #fetchAhead(brief) {
    if (brief && this.#parcel) await pictureOf(await call("GET", `/api/parcels/${brief.id}`)).catch(() => null);
  }

  #passing() {
    this.#early = performance.now() + EARLY_MS;
    if (this.#parcel || this.#paused || !this.#active) return;
    this.#setState("scanning");
    setTimeout(() => { if (!this.#parcel && this.#state === "scanning" && performance.now() >= this.#early) this.#setState("waiting"); }, EARLY_MS + 50);
  }

  #turned(active) {
    this.#active = active;
    this.belt.wanted = active;
    if (active) {
      this.#setState("waiting");
      this.take();
      this.#soonQueue();
    } else {
      this.#parcel = null;
      this.#show(null);
      this.#setState("elsewhere");
    }
  }

  #locked() {
    this.#active = false;
    this.belt.wanted = false;
    this.#parcel = null;
    this.#show(null);
    this.#setState("locked");
    byId("sign-in").focus();
  }

  #setState(state) {
    this.#state = state;
    document.body.dataset.state = state;
    setText(byId("state"), word(`state.${state === "decide" && this.#parcel?.training ? "training" : state}`));
    for (const part of document.querySelectorAll("[data-when]")) part.hidden = part.dataset.when !== state;
  }

  #connection(up, text = word("connectionLost")) {
    byId("lost").hidden = up;
    if (!up) setText(byId("lost"), text);
  }

  /** Tell something for a while, or for as long as the parcel is here. */
  tell(text, bad = false, stays = false) {
    clearTimeout(this.#telling);
    this.#toldStays = stays;
    const told = byId("told");
    told.classList.toggle("bad", bad);
    told.hidden = false;
    setText(told, text);
    if (!stays) this.#telling = setTimeout(() => this.#untell(), TOLD_MS);
  }

  #untell() {
    this.#toldStays = false;
    byId("told").hidden = true;
  }
}

const desk = new DeskPage();
desk.start();
