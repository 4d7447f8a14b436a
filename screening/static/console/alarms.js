// The alarms of a parcel: for the viewer's boxes, and as the list beside the picture.

import { make } from "./dom.js";
import { term, word, number } from "./words.js";

export const alarmId = (scan, found) => `${scan.id}:${found.id}`;

/** Boxes as <xray-viewer> takes them. */
export function boxesOf(parcel) {
  return parcel.scans.filter((scan) => scan.pixels_url).flatMap((scan) => [
    ...scan.detections.map((found) => ({
      id: alarmId(scan, found), view: scan.view, box: found.xyxy_px, label: term(found.class), group: found.group,
      words: term(found.words_key), strength: found.score,
    })),
    ...scan.dense.map((box, at) => ({ id: `${scan.id}:dense${at}`, view: scan.view, box, dense: true, label: word("dense") })),
  ]);
}

/** Fill the list; `chosen` is called with an alarm's id. */
export function listAlarms(list, parcel, judged, chosen) {
  const found = parcel.scans.flatMap((scan) => scan.detections.map((alarm) => ({ scan, alarm })));
  found.sort((one, other) => other.alarm.score - one.alarm.score);
  list.replaceChildren(
    ...found.map(({ scan, alarm }) => alarmRow(parcel, scan, alarm, judged, chosen)),
    ...parcel.scans.filter((scan) => scan.dense.length).map((scan, at) => denseRow(parcel, scan, at === 0, chosen)));
}

function alarmRow(parcel, scan, found, judged, chosen) {
  const id = alarmId(scan, found);
  const said = judged.get(id);
  const button = make("button", { type: "button", class: `alarm ${found.group}`, "data-alarm": id },
    make("span", { class: "swatch", "aria-hidden": "true" }),
    make("span", { class: "what" }, make("strong", {}, term(found.class))),
    make("span", { class: "sure", title: word("score", { score: number(Math.round(found.score * 100) / 100) }) }, term(found.words_key)),
    make("span", { class: "measured" }, term(found.group), ...viewOf(parcel, scan), " · ", reliability(parcel.reliability?.[found.class])),
    said ? make("span", { class: `said ${said}` }, word(said === "right" ? "saidRight" : "saidWrong")) : null);
  button.addEventListener("click", () => chosen(id));
  return make("li", {}, button);
}

/** Which of several views it is. */
const viewOf = (parcel, scan) => (parcel.scans.length > 1 ? [" · ", term(scan.view)] : []);

/** One row a view, however many areas, and what to do in the first alone: the same words again would hide the alarms. */
function denseRow(parcel, scan, isFirst, chosen) {
  const id = `${scan.id}:dense0`;
  const count = scan.dense.length;
  const button = make("button", { type: "button", class: "alarm dense", "data-alarm": id },
    make("span", { class: "swatch", "aria-hidden": "true" }),
    make("span", { class: "what" }, make("strong", {}, word("dense")), " ",
      make("span", { class: "many" }, count > 1 ? `× ${number(count)}` : null, ...viewOf(parcel, scan))),
    isFirst ? make("span", { class: "measured" }, word("denseHint")) : null);
  button.addEventListener("click", () => chosen(id));
  return make("li", {}, button);
}

/** How often such alarms are right, in words. */
export function reliability(figures) {
  if (!figures || figures.right_of_ten === null) return word("notMeasured");
  return word(figures.basis === "site" ? "rightHere" : "rightModel", { n: figures.right_of_ten });
}
