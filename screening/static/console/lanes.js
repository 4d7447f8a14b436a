// The lane's state in the header, and the red frame where nothing is screened.

import { byId, make, setText } from "./dom.js";
import { isTerm, term, word } from "./words.js";

const lanes = new Map();
const ORDER = ["NOT_SCREENING", "DEGRADED", "SCREENING"];

/** Take a lane's state and show the worst of the lanes this desk works for. */
export function hearLane(lane, chosen) {
  lanes.set(lane.name, lane);
  showLanes(chosen);
}

export function showLanes(chosen) {
  const mine = [...lanes.values()].filter((lane) => !chosen || lane.name === chosen);
  mine.sort((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state));
  const worst = mine[0];
  const chip = byId("lane-state");
  chip.dataset.state = worst?.state ?? "NONE";
  setText(chip.querySelector(".words"), worst ? term(worst.state) : word("noLane"));
  setText(byId("lane-name"), worst ? (mine.length > 1 ? word("lanes", { count: mine.length }) : worst.title) : "");
  const stopped = worst?.state === "NOT_SCREENING";
  document.body.toggleAttribute("data-stopped", stopped);
  const strip = byId("stopped");
  strip.hidden = !(worst && worst.state !== "SCREENING");
  strip.dataset.state = worst?.state ?? "";
  if (strip.hidden) return;
  const cause = isTerm(worst.cause) ? term(worst.cause) : worst.words;
  strip.replaceChildren(
    make("strong", {}, `${worst.title}: ${term(worst.state)}`),
    make("span", {}, cause),
    make("span", { class: "todo" }, stopped ? word(`todo.${kindOf(worst.cause)}`) : word("todo.degraded")));
}

/** What to do depends on who can do it. */
function kindOf(cause) {
  if (["source-silent", "source-failed", "source-ended", "not-calibrated", "belt-stopped"].includes(cause)) return "scanner";
  if (["frozen", "blank", "saturated", "dead-columns", "shuffled", "lines-lost"].includes(cause)) return "picture";
  return "computer";
}
