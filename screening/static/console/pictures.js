// Pictures of parcels: fetched ahead, and the views of one parcel joined into one container for the viewer.

import { MAGIC, MAX_HEADER_BYTES } from "/static/viewer/format.js";

const KEPT = 4;
const TIMEOUT_MS = 20_000;
const ALIGNMENT = 8;
const aligned = (place) => Math.ceil(place / ALIGNMENT) * ALIGNMENT;

/** Parcel number → promise of its container; the newest few are kept. */
const kept = new Map();

/**
 * The picture of a parcel.
 * @param {object} parcel as the server tells it
 * @returns {Promise<ArrayBuffer | null>} null where there is no picture of any view
 */
export function pictureOf(parcel) {
  const known = kept.get(parcel.id);
  if (known) return known;
  const coming = fetchAll(parcel);
  kept.set(parcel.id, coming);
  coming.catch(() => kept.delete(parcel.id));
  while (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return coming;
}

/** Fetch a parcel's picture anew the next time: it is another one now. */
export function forgetPicture(id) {
  kept.delete(id);
}

async function fetchAll({ id, scans }) {
  const seen = scans.filter((scan) => scan.pixels_url).sort((one, other) => (other.view === "top") - (one.view === "top"));
  const found = await Promise.all(seen.map((scan) => fetchOne(scan.pixels_url)));
  return found.length ? join(`p${id}`, found) : null;
}

async function fetchOne(url) {
  const response = await fetch(url, { credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.arrayBuffer();
}

/** Containers of one view each → one container; what is no container is handed on as it is, for the viewer to refuse. */
export function join(id, buffers) {
  if (buffers.length === 1) return buffers[0];
  const parts = buffers.map(split);
  const broken = parts.indexOf(null);
  if (broken >= 0) return buffers[broken];
  const views = parts.flatMap((part) => part.header.views);
  const header = new TextEncoder().encode(JSON.stringify({ content: "scan", id, first_line: 0, views }));
  const start = MAGIC.length + 4;
  let end = start + header.length;
  const places = parts.map(({ pixels }) => {
    const place = aligned(end);
    end = place + pixels.length;
    return place;
  });
  const whole = new Uint8Array(end);
  whole.set(MAGIC);
  new DataView(whole.buffer).setUint32(MAGIC.length, header.length, true);
  whole.set(header, start);
  parts.forEach(({ pixels }, at) => whole.set(pixels, places[at]));
  return whole.buffer;
}

function split(buffer) {
  const start = MAGIC.length + 4;
  if (buffer.byteLength < start) return null;
  const length = new DataView(buffer).getUint32(MAGIC.length, true);
  if (length > MAX_HEADER_BYTES || start + length > buffer.byteLength) return null;
  try {
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, start, length)));
    return Array.isArray(header.views) ? { header, pixels: new Uint8Array(buffer, aligned(start + length)) } : null;
  } catch {
    return null;
  }
}
