import { defineConfig } from "vitest/config";

export default defineConfig({
  define: { __VERSION__: JSON.stringify("0.0.0-test"), __KEY__: JSON.stringify("sersiclab test") },
  // Whole pages in jsdom take seconds where the machine is busy.
  test: { environment: "jsdom", testTimeout: 30_000, include: ["tests/**/*.test.ts"] },
});
