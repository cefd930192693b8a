import { describe, expect, it } from "vitest";
import { sexagesimal, skyAt, type TangentPlane } from "../src/wcs";

const plane: TangentPlane = {
  x: 100,
  y: 50,
  ra: 0.001,
  dec: -62,
  cd: [
    [-0.19 / 3600, 0.02 / 3600],
    [0.03 / 3600, 0.2 / 3600],
  ],
};

describe("sky coordinates", () => {
  // The values of astropy.wcs for the same header, RA---TAN and DEC--TAN.
  it.each([
    [100, 50, 0.001, -62.0, "00:00:00.240 −62:00:00.00"],
    [0, 0, 0.011651534789916745, -62.003610700733056, "00:00:02.796 −62:00:13.00"],
    [250, 180, 359.9856797023986, -61.991526928634386, "23:59:56.563 −61:59:29.50"],
    [-4000, 3000, 0.49471477922364854, -61.86939354861203, "00:01:58.732 −61:52:09.82"],
  ])("of pixel %d, %d are astropy's", (x, y, ra, dec, text) => {
    const sky = skyAt(plane, { x, y });
    expect(sky.ra).toBeCloseTo(ra, 9);
    expect(sky.dec).toBeCloseTo(dec, 9);
    expect(sexagesimal(sky)).toBe(text);
  });

  it("carry from seconds to minutes, and wrap at 24 h", () => {
    expect(sexagesimal({ ra: 359.9999999, dec: 9.9999999 })).toBe("00:00:00.000 +10:00:00.00");
  });
});
