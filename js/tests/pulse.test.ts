import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createPulse } from "../src/pulse";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp() {
  const controller = new AbortController();
  const [ping, told] = [vi.fn(), vi.fn()];
  return { controller, ping, told, pulse: createPulse(ping, told, controller.signal) };
}

it("asks nothing of a Python that is heard of in time", () => {
  const { ping, pulse, told } = setUp();
  for (let i = 0; i < 20; i++) {
    pulse.wanted();
    vi.advanceTimersByTime(1000);
    pulse.heard();
  }
  vi.advanceTimersByTime(60_000);
  expect(ping).not.toHaveBeenCalled();
  expect(told).not.toHaveBeenCalled();
});

it("asks a silent one, tells of it once, asks on, and tells when it is back", () => {
  const { ping, pulse, told } = setUp();
  pulse.wanted();
  pulse.wanted();
  vi.advanceTimersByTime(2000);
  expect(ping).toHaveBeenCalledTimes(1);
  expect(told).not.toHaveBeenCalled();
  vi.advanceTimersByTime(20_000);
  expect(told.mock.calls).toEqual([[false]]);
  expect(ping.mock.calls.length).toBeGreaterThan(3);
  pulse.heard();
  expect(told.mock.calls).toEqual([[false], [true]]);
  vi.advanceTimersByTime(60_000);
  expect(told).toHaveBeenCalledTimes(2);
});

it("is still when the view is gone", () => {
  const { controller, ping, pulse } = setUp();
  pulse.wanted();
  controller.abort();
  pulse.wanted();
  vi.advanceTimersByTime(60_000);
  expect(ping).not.toHaveBeenCalled();
});
