// The widget, its style sheet and the module that loads them once for a page, checked for size. The version has one
// home: the Python package.
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { build } from "esbuild";

const LIMIT = 200 * 1024;
const OUT = "../src/sersiclab/static";

const source = readFileSync(new URL("../src/sersiclab/_version.py", import.meta.url), "utf8");
const version = /^__version__ = "(.+)"$/m.exec(source)?.[1];
if (!version) throw new Error('src/sersiclab/_version.py must hold a line __version__ = "..."');

const options = {
  absWorkingDir: import.meta.dirname,
  outdir: OUT,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "ascii", // browsers keep the text of a module: in half the room
  legalComments: "none",
  logLevel: "warning",
};
const built = (name) => new URL(`${OUT}/${name}`, import.meta.url);

await build({
  ...options,
  entryPoints: [{ in: "src/index.ts", out: "widget" }],
  define: { __VERSION__: JSON.stringify(version) },
});
const hash = createHash("sha256")
  .update(readFileSync(built("widget.js")))
  .digest("hex");
await build({
  ...options,
  entryPoints: ["src/loader.ts"],
  define: { __KEY__: JSON.stringify(`sersiclab ${hash.slice(0, 16)}`) },
});

for (const name of ["loader.js", "widget.js", "widget.css"]) {
  const { size } = statSync(built(name));
  console.log(`${name} ${(size / 1024).toFixed(1)} KB`);
  if (size > LIMIT) throw new Error(`${name} is ${size} bytes; the limit is ${LIMIT}`);
}
