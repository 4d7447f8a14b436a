// Search in pages that are opened from a folder: browsers give file:// pages no Worker, so the search runs in a hidden
// frame of the same page. Served over HTTP, pages use the real thing.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inside = this.frame.contentWindow;
      const page = inside.document;
      inside.importScripts = async (...scripts) => {
        for (const script of scripts) await load(page, new URL(script, url).href);
      };
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      load(page, String(url)).then(() => {
        this.inside = inside;
        for (const data of this.waiting.splice(0)) this.postMessage(data);
      });
    }

    postMessage(data) {
      if (this.inside) this.inside.dispatchEvent(new MessageEvent("message", { data }));
      else this.waiting.push(data);
    }

    terminate() {
      this.frame.remove();
    }
  };
  window.Worker = window.IFrameWorker;
}

function load(page, source) {
  return new Promise((resolve, reject) => {
    const script = page.createElement("script");
    script.src = source;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${source} cannot be loaded`));
    page.body.append(script);
  });
}
