import { expect, it } from "vitest";
import { nextFrame, open } from "./page";

it("shows the traceback of an internal error on demand, and none for an error raised on purpose", async () => {
  const { el, one, receive } = await open();
  receive({ t: "error", title: "The run failed", detail: "the image has no PSF" });
  await nextFrame();
  expect(one("[role=alert]").textContent).toContain("the image has no PSF");
  expect(el.querySelector("details")).toBeNull();
  const detail = "Internal error: TypeError: can only concatenate str";
  receive({ t: "error", title: "The run failed", detail, traceback: "Traceback ..." });
  await nextFrame();
  const details = one<HTMLDetailsElement>("[role=alert] details");
  expect(details.open).toBe(false);
  expect(details.querySelector("pre")?.textContent).toBe("Traceback ...");
  expect(details.parentElement?.textContent).toContain(detail);
});
