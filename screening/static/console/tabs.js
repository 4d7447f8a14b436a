// One desk a browser: a second tab asks before it takes over, so that no parcel waits on a screen nobody sees.

const ANSWER_MS = 250;

/**
 * @param {(active: boolean) => void} turned called when this tab becomes the desk, or another one does
 * @returns {{claim: () => void}} `claim` makes this tab the desk
 */
export function oneDesk(turned) {
  const channel = new BroadcastChannel("parcelsight-desk");
  let active = false;
  let taken = false;
  channel.addEventListener("message", ({ data }) => {
    if (data === "who" && active) channel.postMessage("here");
    if (data === "here") taken = true;
    if (data === "mine" && active) {
      active = false;
      turned(false);
    }
  });
  function claim() {
    channel.postMessage("mine");
    active = true;
    turned(true);
  }
  channel.postMessage("who");
  setTimeout(() => (taken ? turned(false) : claim()), ANSWER_MS);
  return { claim };
}
