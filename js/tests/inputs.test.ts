import { expect, test, vi } from "vitest";
import { ownKeys } from "../src/gestures/inputs";

function widget() {
  const root = document.createElement("div");
  root.innerHTML = '<input type="number"><input type="range">';
  document.body.append(root);
  const controller = new AbortController();
  ownKeys(root, controller.signal);
  const [box, slider] = root.querySelectorAll("input");
  return { box: box as HTMLInputElement, slider: slider as HTMLInputElement, controller };
}

test("the host does not receive the keys of a focused control", () => {
  const { slider, box, controller } = widget();
  slider.focus();
  expect(slider.hasAttribute("data-lm-suppress-shortcuts")).toBe(true);
  controller.abort();
  box.focus();
  expect(box.hasAttribute("data-lm-suppress-shortcuts")).toBe(false);
});

test("Enter leaves a number box, which commits its value, and focuses it again", () => {
  const { box, slider } = widget();
  const left = vi.fn();
  box.addEventListener("blur", left);
  slider.addEventListener("blur", left);
  box.focus();
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "1", bubbles: true }));
  expect(left).not.toHaveBeenCalled();
  box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  expect(left).toHaveBeenCalledTimes(1);
  expect(document.activeElement).toBe(box);
});
