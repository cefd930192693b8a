/**
 * The module that the host imports for each widget. Browsers never release a module, so this one is short: it imports
 * the widget itself, whose code is a trait, once for all widgets of a page.
 */

import type { InitializeProps, RenderProps } from "@anywidget/types";
import type widget from "./index";

type Widget = typeof widget;
interface Holder {
  get(name: "code"): string;
}

const page = globalThis as unknown as Record<string, Promise<Widget> | undefined>;

function widgetOf(model: Holder): Promise<Widget> {
  page[__KEY__] ??= imported(model.get("code"));
  return page[__KEY__];
}

async function imported(code: string): Promise<Widget> {
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return (await import(url)).default;
  } finally {
    URL.revokeObjectURL(url);
  }
}

export default {
  async initialize(props: InitializeProps): Promise<void> {
    (await widgetOf(props.model as Holder)).initialize(props as never);
  },
  async render(props: RenderProps): Promise<(() => void) | undefined> {
    const { render } = await widgetOf(props.model as Holder);
    return props.signal?.aborted ? undefined : render(props as never);
  },
};
