/** Detect whether the host has a dark theme: hosts declare it in different ways, some only by their colours. */

/** Keep the root's `data-theme` at "light" or "dark". */
export function followTheme(root: HTMLElement, signal: AbortSignal): void {
  const apply = () => {
    root.dataset.theme = isDark(root) ? "dark" : "light";
  };
  const observer = new MutationObserver(apply);
  const attributeFilter = ["class", "style", "data-theme", "data-jp-theme-light", "data-vscode-theme-kind"];
  for (const element of [document.documentElement, document.body])
    observer.observe(element, { attributes: true, attributeFilter });
  const preference = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
  preference?.addEventListener("change", apply, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
  apply();
}

function isDark(root: HTMLElement): boolean {
  const { body, documentElement } = document;
  const jupyter = body.dataset.jpThemeLight;
  if (jupyter !== undefined) return jupyter === "false";
  if (/vscode-(dark|high-contrast)\b/.test(body.className)) return true;
  if (/vscode-light/.test(body.className)) return false;
  for (const element of [documentElement, body]) {
    if (element.classList.contains("dark") || element.dataset.theme === "dark") return true;
    if (element.classList.contains("light") || element.dataset.theme === "light") return false;
  }
  const luminance = backdrop(root);
  return luminance === null ? prefersDark() : luminance < 0.4;
}

const prefersDark = () => globalThis.matchMedia?.("(prefers-color-scheme: dark)").matches ?? false;

/** The luminance of the nearest opaque background behind the widget, also through shadow roots. */
function backdrop(root: HTMLElement): number | null {
  for (let element = parentOf(root); element; element = parentOf(element)) {
    const channels =
      getComputedStyle(element)
        .backgroundColor.match(/[\d.]+/g)
        ?.map(Number) ?? [];
    const [r = 0, g = 0, b = 0, alpha = 1] = channels;
    if (channels.length >= 3 && alpha > 0.5) return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
  }
  return null;
}

function parentOf(element: Element): Element | null {
  if (element.parentElement) return element.parentElement;
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? root.host : null;
}
