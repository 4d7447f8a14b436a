// Projected threats: one key stops them.

import { Refusal, call } from "./api.js";
import { byId } from "./dom.js";

async function change(path, button) {
  button.disabled = true;
  try {
    await call("POST", path, {});
    location.assign("/supervisor/tip");
  } catch (error) {
    button.disabled = false;
    button.textContent = error instanceof Refusal ? error.error : String(error.message ?? error);
  }
}

const stop = byId("tip-stop");
stop?.addEventListener("click", () => change("/api/tip/stop", stop));
byId("tip-start")?.addEventListener("click", (event) => change("/api/tip/start", event.currentTarget));
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea");
  if (event.key.toLowerCase() !== "s" || event.ctrlKey || event.metaKey || event.altKey || typing || !stop || stop.disabled) return;
  event.preventDefault();
  change("/api/tip/stop", stop);
});
