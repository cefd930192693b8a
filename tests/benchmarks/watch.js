// Runs in the page before JupyterLab: notes what goes over its web socket and when the residual is painted.
// Every time is that of performance.now().
(() => {
  const watch = { moves: [], asked: [], shown: [], sent: [], received: 0, arrived: null, output: null, first: {}, busy: 0 };
  window.watch = watch;
  const text = new TextDecoder();

  // Jupyter's binary protocol, version 1: offsets, then channel, header, parent header, metadata, content, buffers.
  function read(data) {
    if (typeof data === "string") return JSON.parse(data);
    const view = new DataView(data);
    const ends = Array.from({ length: Number(view.getBigUint64(0, true)) }, (_, i) => Number(view.getBigUint64(8 * (i + 1), true)));
    const part = (i) => text.decode(new Uint8Array(data, ends[i], ends[i + 1] - ends[i]));
    return { header: JSON.parse(part(1)), content: JSON.parse(part(4)) };
  }
  const custom = ({ content }) => (content.data?.method === "custom" ? content.data.content : {});

  function said(message) {
    if (message.header.msg_type !== "comm_msg") return;
    const { t, seq } = custom(message);
    watch.sent.push(t ?? `trait ${Object.keys(message.content.data?.state ?? {})}`);
    if (t === "render") watch.asked.push({ seq, time: performance.now(), move: watch.moves.length - 1 });
  }
  function heard({ header, content }) {
    if (header.msg_type === "comm_msg") watch.received += 1;
    const { t, seq } = custom({ content });
    if (t === "frame") watch.arrived = { seq, time: performance.now() };
    if (content.data?.["application/vnd.jupyter.widget-view+json"]) watch.output = performance.now();
  }
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => data instanceof Blob || heard(read(data)));
    }
    send(data) {
      said(read(data.buffer ?? data));
      super.send(data);
    }
  };

  const move = (event) =>
    watch.moves.push({ x: event.clientX, y: event.clientY, time: event.timeStamp, heard: performance.now() });
  addEventListener("pointermove", move, { capture: true });

  // A picture is put into a canvas of its own, and drawn from there onto the one that is seen.
  const { putImageData, drawImage } = CanvasRenderingContext2D.prototype;
  const fresh = new WeakSet();
  const channel = new MessageChannel();
  const waiting = [];
  channel.port1.onmessage = () => {
    const time = performance.now();
    for (const tell of waiting.splice(0)) tell(time);
  };
  CanvasRenderingContext2D.prototype.putImageData = function (...given) {
    fresh.add(this.canvas);
    return putImageData.apply(this, given);
  };
  CanvasRenderingContext2D.prototype.drawImage = function (source, ...given) {
    const name = this.canvas.ariaLabel;
    if (name && fresh.has(source)) {
      fresh.delete(source);
      const of = { ...watch.arrived, began: performance.now() };
      // Told when the frame that it belongs to is done.
      waiting.push((time) => {
        watch.first[name] ??= time;
        if (name === "residual") watch.shown.push({ ...of, painted: time });
      });
      channel.port2.postMessage(0);
    }
    return drawImage.call(this, source, ...given);
  };

  watch.painted = () =>
    new Promise((done) => {
      waiting.push(done);
      channel.port2.postMessage(0);
    });

  // What the animation frames take.
  const { requestAnimationFrame: request } = window;
  window.requestAnimationFrame = (callback) =>
    request((time) => {
      const began = performance.now();
      callback(time);
      watch.busy += performance.now() - began;
    });

  // The time from an action to the end of the frame that shows it, and the work in both.
  watch.act = async (action) => {
    watch.busy = 0;
    const began = performance.now();
    action();
    const handled = performance.now() - began;
    await new Promise(request);
    await watch.painted();
    return { work: handled + watch.busy, seen: performance.now() - began };
  };
})();
