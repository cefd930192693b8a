/** Making elements, and writing numbers. */

type Attributes = Record<string, string | number | boolean | ((event: never) => void)>;

/** An HTML element: booleans set or leave out an attribute, functions listen to the event "on…". */
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

/** Write attributes, those that are not so already: a page lays out and paints anew whatever is written to. */
export function place(element: Element, attributes: Record<string, string | number>): void {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** A box for any number; `name` is what screen readers say. */
export function numberInput(name: string): HTMLInputElement {
  return h("input", { class: "sl-number", type: "number", step: "any", "aria-label": name });
}

export function option(value: string, label = value): HTMLOptionElement {
  return h("option", { value }, label);
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** What the pointer is told over an element, and "" for nothing. */
export function setTitle(element: HTMLElement, text: string): void {
  if (element.title === text) return;
  if (text) element.title = text;
  else element.removeAttribute("title");
}

export function show(element: HTMLElement, shown: boolean): void {
  if (element.hidden === shown) element.hidden = !shown;
}

/** What a docstring of Python says, as a tooltip shows it: without its marks of code. */
export const hint = (doc = ""): string => doc.replaceAll("`", "");

/** Write a control's value, unless the user is typing in it. */
export function setValue(input: HTMLInputElement | HTMLSelectElement, value: string): void {
  const root = input.getRootNode() as Document | ShadowRoot;
  const typing = input instanceof HTMLInputElement && input.type === "number" && root.activeElement === input;
  if (typing && input.value !== input.dataset.shown) return;
  if (input.value !== value) input.value = value;
  input.dataset.shown = value;
}

/** A number as an input shows it: no padding, and with an exponent where that is shorter. */
export function plain(value: number | null, digits = 6): string {
  if (value === null || !Number.isFinite(value)) return "";
  const rounded = Number(value.toPrecision(digits));
  const [long, short] = [String(rounded), rounded.toExponential().replace("e+", "e")];
  return short.length < long.length - 1 ? short : long;
}

/** A number as text: `digits` significant ones, exponents only where they save room, a true minus sign. */
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

/** A function that runs `action` only when one of its arguments is another one than the last time. */
export function whenChanged<A extends unknown[]>(action: (...args: A) => void): (...args: A) => void {
  let last: A | null = null;
  return (...args) => {
    if (last?.length === args.length && last.every((value, i) => Object.is(value, args[i]))) return;
    last = args;
    action(...args);
  };
}

/** A place for an alert, which is announced when it comes into the page. */
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
