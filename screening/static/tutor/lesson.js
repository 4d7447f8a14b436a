// What there is to learn from an answer: where it was, what it is, how it looks turned, what it is mistaken for.

import { byId, make, setText } from "/static/console/dom.js";
import { term, word } from "/static/console/words.js";

const SIGNS = { hit: "✓", "correct rejection": "✓", miss: "✗", "false alarm": "✗" };

/** Show it beside the picture, and the truth in each view. */
export function showLesson(viewer, told) {
  const key = told.late ? "late" : told.outcome.replace(" ", "_");
  const panel = byId("lesson");
  panel.dataset.outcome = told.outcome;
  setText(byId("outcome-sign"), SIGNS[told.outcome] ?? "");
  setText(byId("outcome"), word(`outcome.${key}`));
  const misplaced = told.outcome === "miss" && told.click_px && !told.late;
  setText(byId("outcome-why"), word(misplaced ? "why.misplaced" : `why.${key}`));
  const labels = [...new Set(told.truths.map(({ label }) => label))];
  byId("truths").replaceChildren(...labels.map((label) => truth(told.truths.find((one) => one.label === label))));
  byId("looks").replaceChildren(...told.looks.map((url, at) => look(url, at, term(labels[0]))));
  byId("looks-part").hidden = told.looks.length === 0;
  const alike = labels.map((label) => word(`alike.${label}`));
  byId("alike-part").hidden = alike.length === 0;
  byId("alike").replaceChildren(...alike.map((text) => make("li", {}, text)));
  byId("alike-looks").replaceChildren(...told.alike.map((url) => make("li", {}, make("img", { src: url, width: 120, height: 120, alt: "" }))));
  viewer.desk.marks = [];
  viewer.alarms = told.truths.map((one, at) => ({ id: `truth-${at}`, view: one.view, box: one.xyxy_px, label: term(one.label), group: one.group, strength: 1 }));
  viewer.setAttribute("aid", "shown");
  viewer.point(told.click_px ? { view: told.click_view, x: told.click_px[0], y: told.click_px[1], label: word("yourClick") } : null);
}

function truth({ label, group, manual_url: manual }) {
  const link = make("a", { href: manual, target: "_blank", rel: "noopener" }, word("inManual"));
  return make("li", {}, make("strong", {}, term(label)), " ", make("span", { class: "quiet" }, term(group)), " · ", link);
}

function look(url, at, name) {
  const caption = word(at === 0 ? "look.here" : "look.turned");
  return make("li", {}, make("img", { src: url, width: 120, height: 120, alt: `${name}: ${caption}` }), make("span", { class: "quiet" }, caption));
}
