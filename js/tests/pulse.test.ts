import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createPulse } from "../src/pulse";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp() {
  const controller = new AbortController();
  const [ping, reported] = [vi.fn(), vi.fn()];
  return { controller, ping, reported, pulse: createPulse(ping, reported, controller.signal) };
}

it("sends no ping if Python answers in time", () => {
  const { ping, pulse, reported } = setUp();
  for (let i = 0; i < 20; i++) {
    pulse.wanted();
    vi.advanceTimersByTime(1000);
    pulse.heard();
  }
  vi.advanceTimersByTime(60_000);
  expect(ping).not.toHaveBeenCalled();
  expect(reported).not.toHaveBeenCalled();
});

it("pings a silent Python, reports it once, keeps pinging, and reports when it answers again", () => {
  const { ping, pulse, reported } = setUp();
  pulse.wanted();
  pulse.wanted();
  vi.advanceTimersByTime(2000);
  expect(ping).toHaveBeenCalledTimes(1);
  expect(reported).not.toHaveBeenCalled();
  vi.advanceTimersByTime(20_000);
  expect(reported.mock.calls).toEqual([[false]]);
  expect(ping.mock.calls.length).toBeGreaterThan(3);
  pulse.heard();
  expect(reported.mock.calls).toEqual([[false], [true]]);
  vi.advanceTimersByTime(60_000);
  expect(reported).toHaveBeenCalledTimes(2);
});

it("stops when the view is closed", () => {
  const { controller, ping, pulse } = setUp();
  pulse.wanted();
  controller.abort();
  pulse.wanted();
  vi.advanceTimersByTime(60_000);
  expect(ping).not.toHaveBeenCalled();
});
