/** Creating elements, and formatting numbers. */

type Attributes = Record<string, string | number | boolean | ((event: never) => void)>;

/** Create an HTML element: booleans set or omit an attribute, functions listen to the event "on…". */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function")
      element.addEventListener(name.slice(2), value as unknown as EventListener);
    else if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number> = {},
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  place(element, attributes);
  element.append(...children);
  return element;
}

/** Write attributes that have changed, because every write makes the page lay out and paint again. */
export function place(element: Element, attributes: Record<string, string | number>): void {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** A number box; `name` is its name for screen readers. */
export function numberInput(name: string): HTMLInputElement {
  return h("input", { class: "sl-number", type: "number", step: "any", "aria-label": name });
}

export function option(value: string, label = value): HTMLOptionElement {
  return h("option", { value }, label);
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Set the tooltip of an element; "" removes it. */
export function setTitle(element: HTMLElement, text: string): void {
  if (element.title === text) return;
  if (text) element.title = text;
  else element.removeAttribute("title");
}

export function show(element: HTMLElement, shown: boolean): void {
  if (element.hidden === shown) element.hidden = !shown;
}

/** A Python docstring as a tooltip, without its code marks. */
export const hint = (doc = ""): string => doc.replaceAll("`", "");

/** Set the value of a control, unless the user is typing in it. */
export function setValue(input: HTMLInputElement | HTMLSelectElement, value: string): void {
  const root = input.getRootNode() as Document | ShadowRoot;
  const typing = input instanceof HTMLInputElement && input.type === "number" && root.activeElement === input;
  if (typing && input.value !== input.dataset.shown) return;
  if (input.value !== value) input.value = value;
  input.dataset.shown = value;
}

/** Format a number for an input: without padding, and with an exponent if that is shorter. */
export function plain(value: number | null, digits = 6): string {
  if (value === null || !Number.isFinite(value)) return "";
  const rounded = Number(value.toPrecision(digits));
  const [long, short] = [String(rounded), rounded.toExponential().replace("e+", "e")];
  return short.length < long.length - 1 ? short : long;
}

/** Format a number with `digits` significant digits, an exponent only if shorter, and a true minus sign. */
export function format(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text =
    size !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential(digits - 2) : value.toPrecision(digits);
  return (text.includes("e") ? text.replace("e+", "e") : trim(text)).replaceAll("-", "−");
}

const trim = (text: string): string => (text.length > 7 ? String(Number(text)) : text);

export function seconds(time: number): string {
  const whole = Math.round(time);
  if (whole < 60) return `${time.toFixed(time < 9.95 ? 1 : 0)} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** A function that runs `action` only when one of its arguments has changed. */
export function whenChanged<A extends unknown[]>(action: (...args: A) => void): (...args: A) => void {
  let last: A | null = null;
  return (...args) => {
    if (last?.length === args.length && last.every((value, i) => Object.is(value, args[i]))) return;
    last = args;
    action(...args);
  };
}

/** A place for an alert, which screen readers announce when it is added to the page. */
export function createAlert(): { element: HTMLElement; say(text: string): void } {
  const element = h("div", { class: "sl-alert" });
  return {
    element,
    say(text) {
      if (text === element.textContent) return;
      element.replaceChildren(...(text === "" ? [] : [h("p", { class: "sl-problem", role: "alert" }, text)]));
    },
  };
}
