// One ESM file and one style sheet, checked for size. The version has one home: the Python package.
import { readFileSync, statSync } from "node:fs";
import { build } from "esbuild";

const LIMIT = 200 * 1024;
const OUT = "../src/sersiclab/static";

const source = readFileSync(new URL("../src/sersiclab/_version.py", import.meta.url), "utf8");
const version = /^__version__ = "(.+)"$/m.exec(source)?.[1];
if (!version) throw new Error('src/sersiclab/_version.py must hold a line __version__ = "..."');

await build({
  entryPoints: [{ in: "src/index.ts", out: "widget" }],
  absWorkingDir: import.meta.dirname,
  outdir: OUT,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  define: { __VERSION__: JSON.stringify(version) },
  logLevel: "warning",
});

for (const name of ["widget.js", "widget.css"]) {
  const { size } = statSync(new URL(`${OUT}/${name}`, import.meta.url));
  console.log(`${name} ${(size / 1024).toFixed(1)} KB`);
  if (size > LIMIT) throw new Error(`${name} is ${size} bytes; the limit is ${LIMIT}`);
}
