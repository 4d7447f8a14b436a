// The picture of a parcel on record, with its alarms and marks.

import "/static/viewer/viewer.js";
import "/static/viewer/toolbar.js";
import { boxesOf } from "./alarms.js";
import { byId } from "./dom.js";
import { pictureOf } from "./pictures.js";
import { viewerStrings } from "./words.js";

const parcel = JSON.parse(byId("parcel-data").textContent);
const viewer = byId("viewer");
viewer.strings = { ...viewerStrings, noPictureHint: "" };
try {
  const picture = await pictureOf(parcel);
  if (picture && viewer.show(picture)) viewer.alarms = boxesOf(parcel);
} catch {
  viewer.load(parcel.scans.find((scan) => scan.pixels_url).pixels_url);
}
