// Decision keys, reasons on one more key, sending until the server has it, and taking back.

import { Lost, Refusal, call, requestId } from "./api.js";
import { byId, keyCap, make, setText } from "./dom.js";
import { nameOf } from "./queue.js";
import { term, word } from "./words.js";

const AGAIN_MS = 1000;
const SECOND_MS = 1000;
export const UNDO_KEY = "x";

export class Deciding {
  #choices = [];
  #asking = null;
  #sending = false;
  #undo = null;
  #ticking = 0;

  /** @param {{parcel: () => object | null, details: () => object, decided: (answer: object) => void,
   *   taken: (parcel: object) => void, refused: (refusal: Refusal) => void, connection: (up: boolean) => void}} desk */
  constructor(desk) {
    this.desk = desk;
    window.addEventListener("beforeunload", (event) => { if (this.#sending) event.preventDefault(); });
  }

  show(choices) {
    this.#choices = choices;
    this.#asking = null;
    const keys = choices.map((choice) => this.#button(choice.key, term(`do ${choice.kind}`), `choice ${choice.kind.replace(" ", "-")}`,
      () => this.choose(choice), choice.two_persons ? word("twoPersons") : ""));
    byId("choices").replaceChildren(...keys);
    this.#mode("choices");
  }

  clear() {
    this.show([]);
  }

  #mode(name) {
    byId("choices").hidden = name !== "choices";
    byId("reasons").hidden = name !== "reasons";
  }

  #button(key, text, kind, pressed, note = "") {
    const button = make("button", { type: "button", class: kind, "aria-keyshortcuts": key }, keyCap(key), make("span", {}, text),
      note ? make("small", {}, note) : null);
    button.addEventListener("click", pressed);
    return button;
  }

  claims(name) {
    if (this.#asking) return name === "Escape" || this.#reasonAt(name) !== undefined;
    return this.#choices.some((choice) => choice.key === name) || (name === UNDO_KEY && this.#undo !== null);
  }

  pressed(name) {
    if (this.#asking) {
      if (name === "Escape") this.leaveReasons();
      else this.#send(this.#asking.kind, this.#reasonAt(name));
    } else if (name === UNDO_KEY) this.undo();
    else this.choose(this.#choices.find((choice) => choice.key === name));
  }

  #reasonAt(name) {
    return /^[1-9]$/.test(name) ? this.#asking.reasons[Number(name) - 1] : undefined;
  }

  choose(choice) {
    if (!choice || this.#sending || !this.desk.parcel()) return;
    if (choice.reason_needed) this.#ask(choice);
    else this.#send(choice.kind, "");
  }

  #ask(choice) {
    this.#asking = choice;
    setText(byId("reasons-title"), word("why", { decision: term(`do ${choice.kind}`) }));
    const buttons = choice.reasons.map((reason, at) => this.#button(String(at + 1), term(reason), "reason", () => this.#send(choice.kind, reason)));
    const leave = this.#button("Esc", word("back"), "reason", () => this.leaveReasons());
    byId("reason-keys").replaceChildren(...buttons, leave);
    this.#mode("reasons");
    buttons[0].focus();
  }

  leaveReasons() {
    this.#asking = null;
    this.#mode("choices");
    byId("viewer").focus();
  }

  async #send(kind, reason) {
    const parcel = this.desk.parcel();
    if (!parcel || this.#sending) return;
    this.#sending = true;
    document.body.toggleAttribute("data-sending", true);
    const wish = { request_id: requestId(), parcel_id: parcel.id, kind, reason, ...this.desk.details() };
    try {
      const answer = await this.#untilHeard(wish, parcel);
      if (answer.decision) this.#offerUndo(answer, parcel);
      this.desk.decided(answer);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.leaveReasons();
      this.desk.refused(error);
    } finally {
      this.#sending = false;
      document.body.toggleAttribute("data-sending", false);
    }
  }

  /** The same request again until it is answered: it counts once. */
  async #untilHeard(wish, parcel) {
    for (;;) {
      try {
        const answer = await call("POST", "/api/desk/decisions", wish);
        this.desk.connection(true);
        return answer;
      } catch (error) {
        if (!(error instanceof Lost)) throw error;
        this.desk.connection(false, word("notYetRecorded", { parcel: nameOf(parcel) }));
        await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
      }
    }
  }

  #offerUndo({ decision }, parcel) {
    const lasts = Date.parse(decision.undo_until) - Date.parse(decision.decided_at);
    this.#undo = { id: decision.id, until: performance.now() + lasts };
    setText(byId("undo-what"), word("decided", { parcel: nameOf(parcel), decision: term(decision.kind) }));
    byId("undo").hidden = false;
    clearInterval(this.#ticking);
    this.#ticking = setInterval(() => this.#tick(), SECOND_MS / 4);
    this.#tick();
  }

  #tick() {
    const left = this.#undo ? Math.ceil((this.#undo.until - performance.now()) / SECOND_MS) : 0;
    if (left <= 0) this.forgetUndo();
    else setText(byId("undo-left"), word(left === 1 ? "undoLast" : "undoLeft", { seconds: left }));
  }

  forgetUndo() {
    clearInterval(this.#ticking);
    this.#undo = null;
    byId("undo").hidden = true;
  }

  async undo() {
    if (!this.#undo || this.#sending) return;
    const { id } = this.#undo;
    this.forgetUndo();
    try {
      const { parcel } = await call("POST", `/api/desk/decisions/${id}/undo`);
      this.desk.taken(parcel);
    } catch (error) {
      if (error instanceof Refusal) this.desk.refused(error);
      else this.desk.connection(false, word("notUndone"));
    }
  }
}
