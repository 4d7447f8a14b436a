// Where labels go: beside their box, inside the frame, off other labels, off other boxes where there is room.

const GAP_PX = 6;
const STEP_PX = 30;
const OVER_LABEL = 1e6;
const OVER_OWN_BOX = 1e5;
const OVER_BOX = 10;
const NEW_PLACE = 40;

/**
 * @param {{box: object, width: number, height: number, before: string|null}[]} items boxes and label sizes on the screen;
 *   `before` is the place a label had, which it keeps unless another is clearly better
 * @param {object} frame {x, y, width, height} that labels stay in
 * @returns {{x: number, y: number, place: string}[]}
 */
export function placeLabels(items, frame) {
  const placed = [];
  return items.map((item) => {
    const options = [...near(item), ...far(item)].map((option) => held(option, item, frame));
    const costs = options.map((option) => cost(option, item, items, placed));
    const best = options[costs.indexOf(Math.min(...costs))];
    placed.push({ ...best, width: item.width, height: item.height });
    return best;
  });
}

function near({ box, width, height }) {
  const [right, bottom] = [box.x + box.width, box.y + box.height];
  const [above, below] = [box.y - height - GAP_PX, bottom + GAP_PX];
  return [
    { place: "above", x: box.x, y: above }, { place: "below", x: box.x, y: below },
    { place: "above-end", x: right - width, y: above }, { place: "below-end", x: right - width, y: below },
    { place: "right", x: right + GAP_PX, y: box.y }, { place: "left", x: box.x - width - GAP_PX, y: box.y },
    { place: "right-end", x: right + GAP_PX, y: bottom - height }, { place: "left-end", x: box.x - width - GAP_PX, y: bottom - height },
  ];
}

function far(item) {
  const options = [];
  for (let step = 1; step <= 6; step += 1) {
    for (const { place, x, y } of near(item)) {
      const away = place.startsWith("above") ? [0, -1] : place.startsWith("below") ? [0, 1] : place.startsWith("left") ? [-1, 0] : [1, 0];
      options.push({ place: `${place}${step}`, x: x + away[0] * step * STEP_PX, y: y + away[1] * step * STEP_PX });
    }
  }
  return options;
}

function held({ place, x, y }, { width, height }, frame) {
  return {
    place,
    x: Math.max(frame.x, Math.min(frame.x + frame.width - width, x)),
    y: Math.max(frame.y, Math.min(frame.y + frame.height - height, y)),
  };
}

function cost(option, item, items, placed) {
  const own = { ...option, width: item.width, height: item.height };
  let sum = option.place === item.before || item.before === null ? 0 : NEW_PLACE;
  sum += Math.hypot(option.x - item.box.x, option.y - item.box.y) / 10;
  for (const label of placed) sum += overlap(own, label) > 0 ? OVER_LABEL + overlap(own, label) : 0;
  for (const { box } of items) sum += overlap(own, box) * (box === item.box ? 0 : OVER_BOX / 100);
  return sum + (overlap(own, item.box) > 0 ? OVER_OWN_BOX + overlap(own, item.box) : 0);
}

export function overlap(one, other) {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return width > 0 && height > 0 ? width * height : 0;
}
