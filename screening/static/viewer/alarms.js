// Alarms as pages hand them over, checked: they come from a network and a model, and hold words to show.

const MAX_ALARMS = 500;
const MAX_TEXT = 120;
const FAMILIES = { firearm: "weapon", part: "weapon", associated: "supply", ammunition: "supply" };

/**
 * @param {unknown} list [{id, view, box: [x1, y1, x2, y2] in scan px, label, words?, group?, dense?, strength?}]
 * @param {object[]} views of the picture shown
 * @returns {{alarms: object[], broken: number}} sound ones, in the order given, and how many were not
 */
export function cleanAlarms(list, views) {
  if (!Array.isArray(list)) return { alarms: [], broken: list === null || list === undefined ? 0 : 1 };
  const names = views.map((view) => view.name);
  const alarms = [];
  const seen = new Set();
  for (const raw of list.slice(0, MAX_ALARMS)) {
    const view = raw && (Number.isInteger(raw.view) ? raw.view : names.indexOf(raw.view ?? names[0]));
    const id = raw && (typeof raw.id === "string" || Number.isFinite(raw.id)) ? String(raw.id).slice(0, MAX_TEXT) : null;
    if (id === null || seen.has(id) || !views[view] || !isBox(raw.box)) continue;
    seen.add(id);
    const box = inside(raw.box, views[view]);
    if (!box) continue;
    alarms.push({
      id, view, box, label: text(raw.label), words: text(raw.words), dense: raw.dense === true,
      family: raw.dense === true ? "dense" : (Object.hasOwn(FAMILIES, raw.group) ? FAMILIES[raw.group] : "weapon"),
      strength: Number.isFinite(raw.strength) ? raw.strength : 0,
    });
  }
  return { alarms, broken: list.length - alarms.length };
}

const text = (value) => (typeof value === "string" ? value.slice(0, MAX_TEXT) : "");
const isBox = (box) => Array.isArray(box) && box.length === 4 && box.every(Number.isFinite) && box[2] > box[0] && box[3] > box[1];

function inside([x1, y1, x2, y2], { width, height }) {
  const box = [Math.max(0, x1), Math.max(0, y1), Math.min(width, x2), Math.min(height, y2)];
  return isBox(box) ? box : null;
}

/** The alarm to look at first: threats before dense areas, stronger first. */
export function strongest(alarms) {
  return alarms.reduce((best, alarm) => (best && rank(best) >= rank(alarm) ? best : alarm), null);
}

const rank = (alarm) => alarm.strength - (alarm.dense ? 10 : 0);
