// News from the server. The browser comes back by itself and names the last news it had; nothing is missed.

const REFUSED_MS = 5000;

/** Begin anew, unless a decision is still on its way. */
function reload() {
  if (document.body.hasAttribute("data-sending")) setTimeout(reload, REFUSED_MS);
  else location.reload();
}

/**
 * @param {Record<string, (data: object) => void>} heard by kind: parcel, lane, queue, early, belt, ended
 * @param {(connected: boolean) => void} connection
 */
export function follow(heard, connection) {
  const source = new EventSource("/api/events");
  for (const [kind, hear] of Object.entries(heard)) {
    source.addEventListener(kind, (event) => hear(JSON.parse(event.data)));
  }
  source.addEventListener("open", () => connection(true));
  source.addEventListener("error", () => {
    connection(false);
    // A refused request is not asked again by the browser: the session is over, or too many pages are open.
    if (source.readyState === EventSource.CLOSED) setTimeout(reload, REFUSED_MS);
  });
  return source;
}
