// One ESM file and one style sheet, checked for size. The version has one home: the Python package.
import { createHash } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
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
  format: "iife",
  globalName: "bundle",
  target: "es2022",
  charset: "ascii", // browsers keep the text of each module: in half the room
  legalComments: "none",
  define: { __VERSION__: JSON.stringify(version) },
  logLevel: "warning",
});

// Every widget imports the module anew, and a browser never forgets one: what it makes is therefore shared.
const file = new URL(`${OUT}/widget.js`, import.meta.url);
const code = readFileSync(file, "utf8");
const key = JSON.stringify(`sersiclab ${createHash("sha256").update(code).digest("hex").slice(0, 16)}`);
const shared = `const made = (globalThis[${key}] ??= (() => {${code}return bundle;})());`;
writeFileSync(file, `${shared}\nexport const version = made.version;\nexport default made.default;\n`);

for (const name of ["widget.js", "widget.css"]) {
  const { size } = statSync(new URL(`${OUT}/${name}`, import.meta.url));
  console.log(`${name} ${(size / 1024).toFixed(1)} KB`);
  if (size > LIMIT) throw new Error(`${name} is ${size} bytes; the limit is ${LIMIT}`);
}
