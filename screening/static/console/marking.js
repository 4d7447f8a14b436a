// What officers teach: an alarm was right or wrong, and what was missed, with its class.

import { Lost, Refusal, call, requestId } from "./api.js";
import { byId, setText } from "./dom.js";
import { word } from "./words.js";

export class Marking {
  /** Viewer's id of an alarm or drawn box → number of the mark on the server. */
  #numbers = new Map();
  #open = null;

  /** @param {{parcel: () => object | null, told: (text: string, bad?: boolean) => void, judged: () => void}} desk */
  constructor(viewer, desk) {
    Object.assign(this, { viewer, desk });
    this.judgedBy = new Map();
    viewer.addEventListener("xray-alarm-judged", ({ detail }) => this.#judge(detail));
    viewer.addEventListener("xray-box-drawn", ({ detail }) => this.#ask(detail));
    viewer.addEventListener("xray-box-removed", ({ detail }) => this.#remove(detail.id));
    byId("missed").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    byId("missed-leave").addEventListener("click", () => this.close());
    byId("missed").addEventListener("keydown", (event) => { if (event.key === "Escape") this.close(); });
  }

  /** Begin with a parcel: what this person said of it before. */
  show(parcel) {
    this.#numbers.clear();
    this.judgedBy.clear();
    this.close();
    for (const scan of parcel?.scans ?? []) {
      for (const mark of scan.marks ?? []) {
        if (!mark.is_mine || mark.detection_id === null) continue;
        this.#numbers.set(`${scan.id}:${mark.detection_id}`, mark.id);
        this.judgedBy.set(`${scan.id}:${mark.detection_id}`, mark.kind);
      }
    }
  }

  async #judge({ id, verdict }) {
    const [scan, detection] = String(id).split(":");
    if (detection.startsWith("dense")) return;
    if (verdict === null) {
      await this.#remove(id);
      this.judgedBy.delete(id);
    } else {
      const sent = { scan_id: Number(scan), detection_id: detection, right: verdict === "right" };
      if (await this.#send(id, sent)) this.judgedBy.set(id, verdict);
    }
    this.desk.judged();
  }

  #ask(drawn) {
    this.#open = drawn;
    byId("missed").hidden = false;
    byId("missed-class").focus();
  }

  close() {
    this.#open = null;
    byId("missed").hidden = true;
  }

  async #save() {
    const drawn = this.#open;
    const scan = this.desk.parcel()?.scans.find((each) => each.view === drawn?.view);
    if (!scan) return this.close();
    const sent = { scan_id: scan.id, label: byId("missed-class").value, xyxy_px: drawn.box };
    if (await this.#send(drawn.id, sent)) {
      this.desk.told(word("missedSaved"));
      this.close();
      this.viewer.focus();
    }
  }

  async #send(id, sent) {
    try {
      const { mark } = await call("POST", "/api/desk/marks", { request_id: requestId(), ...sent });
      this.#numbers.set(id, mark.id);
      return true;
    } catch (error) {
      return this.#failed(error);
    }
  }

  async #remove(id) {
    const number = this.#numbers.get(id);
    if (number === undefined) return;
    try {
      await call("DELETE", `/api/desk/marks/${number}`);
      this.#numbers.delete(id);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error) {
    if (!(error instanceof Refusal || error instanceof Lost)) throw error;
    this.desk.told(error instanceof Lost ? word("markLost") : `${error.error}. ${error.remedy}`, true);
    return false;
  }
}

/** Classes to choose from when something was missed. */
export function fillClasses(options) {
  byId("missed-class").replaceChildren(...options);
  setText(byId("missed-title"), word("missedTitle"));
}
