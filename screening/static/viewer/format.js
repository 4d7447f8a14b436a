// Reads the picture container that screening/viewer_format.py writes; limits are checked before anything is allocated.

export const MAGIC = Uint8Array.of(0x89, 0x50, 0x53, 0x56, 0x31, 0x0d, 0x0a, 0x0a);
export const MAX_HEADER_BYTES = 65536;
export const MAX_SIDE_PX = 32768;
export const MAX_PIXELS = 40_000_000;
export const MAX_VIEWS = 4;
const MAX_BYTES = MAX_PIXELS * 4 + MAX_HEADER_BYTES + 64;
const MAX_TEXT = 200;
const ALIGNMENT = 8;
const TIMEOUT_MS = 20_000;

const LAYOUT = {
  "dual-energy": { channels: 2, type: Uint16Array },
  "pseudo-colour": { channels: 3, type: Uint8Array },
  "grey-8": { channels: 1, type: Uint8Array },
  "grey-16": { channels: 1, type: Uint16Array },
};
const HEADER_KEYS = ["content", "id", "first_line", "views"];
const VIEW_KEYS = ["name", "kind", "height_px", "width_px", "pitch_mm", "air_level"];

/** A picture that cannot be shown. `code` names the message of strings.js. */
export class PictureError extends Error {
  constructor(code, detail = "") {
    super(detail ? `${code}: ${detail}` : code);
    this.code = code;
    this.detail = detail;
  }
}

/**
 * Parse a container.
 * @param {ArrayBuffer} buffer the whole container, from an untrusted source
 * @returns {{content: string, id: string, firstLine: number, views: object[]}} each view with name, kind, width,
 *   height, pitchMm (or null), airLevel, channels and data (typed array, interleaved rows)
 * @throws {PictureError}
 */
export function parsePicture(buffer) {
  if (!(buffer instanceof ArrayBuffer)) throw new PictureError("notPicture");
  const bytes = new Uint8Array(buffer);
  const start = MAGIC.length + 4;
  if (bytes.length < start || MAGIC.some((byte, at) => bytes[at] !== byte)) throw new PictureError("notPicture");
  const length = new DataView(buffer).getUint32(MAGIC.length, true);
  if (length > MAX_HEADER_BYTES || start + length > bytes.length) throw new PictureError("cutShort", "header");
  const header = checkedHeader(readJson(bytes.subarray(start, start + length)));
  let end = start + length;
  const views = header.views.map((view) => {
    const { channels, type } = LAYOUT[view.kind];
    const place = aligned(end);
    const count = view.height_px * view.width_px * channels;
    end = place + count * type.BYTES_PER_ELEMENT;
    if (end > bytes.length) throw new PictureError("cutShort", view.name);
    return {
      name: view.name, kind: view.kind, height: view.height_px, width: view.width_px, pitchMm: view.pitch_mm,
      airLevel: view.air_level, channels, data: new type(buffer, place, count),
    };
  });
  if (end !== bytes.length) throw new PictureError("cutShort", "end");
  return { content: header.content, id: header.id, firstLine: header.first_line, views };
}

/** Fetch and parse; stops reading where more comes than a picture can hold. */
export async function fetchPicture(url, signal) {
  const limits = [AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])];
  let response;
  try {
    response = await fetch(url, { signal: AbortSignal.any(limits), credentials: "same-origin" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new PictureError("notFetched", error.name);
  }
  if (!response.ok) throw new PictureError("notFetched", String(response.status));
  return parsePicture(await readAtMost(response, MAX_BYTES));
}

async function readAtMost(response, limit) {
  const reader = response.body.getReader();
  const chunks = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
    if (total > limit) {
      await reader.cancel();
      throw new PictureError("tooLarge");
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole.buffer;
}

function readJson(bytes) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new PictureError("damaged", "header");
  }
}

function checkedHeader(header) {
  requireKeys(header, HEADER_KEYS, "header");
  require(header.content === "scan" || header.content === "lines", "content");
  require(isText(header.id), "id");
  require(Number.isSafeInteger(header.first_line) && header.first_line >= 0, "first_line");
  require(Array.isArray(header.views) && header.views.length >= 1 && header.views.length <= MAX_VIEWS, "views");
  header.views.forEach(checkView);
  const pixels = header.views.reduce((sum, view) => sum + view.height_px * view.width_px, 0);
  if (pixels > MAX_PIXELS) throw new PictureError("tooLarge");
  return header;
}

function checkView(view) {
  requireKeys(view, VIEW_KEYS, "view");
  require(isText(view.name), "name");
  require(typeof view.kind === "string" && Object.hasOwn(LAYOUT, view.kind), "kind");
  for (const side of ["height_px", "width_px"]) {
    require(Number.isInteger(view[side]) && view[side] >= 1, side);
    if (view[side] > MAX_SIDE_PX) throw new PictureError("tooLarge");
  }
  const pitch = view.pitch_mm;
  require(pitch === null || (Number.isFinite(pitch) && pitch > 0 && pitch <= 100), "pitch_mm");
  require(Number.isInteger(view.air_level) && view.air_level >= 1 && view.air_level <= 65535, "air_level");
}

function requireKeys(object, keys, where) {
  require(object !== null && typeof object === "object" && !Array.isArray(object), where);
  require(Object.keys(object).length === keys.length && keys.every((key) => Object.hasOwn(object, key)), where);
}

function require(holds, where) {
  if (!holds) throw new PictureError("damaged", where);
}

const isText = (value) => typeof value === "string" && value.length <= MAX_TEXT;
const aligned = (place) => Math.ceil(place / ALIGNMENT) * ALIGNMENT;
