// Reads a JSON array of diagrams, writes for each its accessible texts or its error and line.
import { createRequire } from "node:module";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const modules = join(process.argv[2], "node_modules");
const { JSDOM } = createRequire(join(modules, "."))("jsdom");
const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import(
  pathToFileURL(join(modules, "mermaid/dist/mermaid.esm.min.mjs"))
);

mermaid.initialize({ startOnLoad: false });
const verdicts = [];
for (const source of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(source);
    verdicts.push({
      accTitle: db.getAccTitle?.() ?? "",
      accDescr: db.getAccDescription?.() ?? "",
    });
  } catch (error) {
    const line = error.hash?.loc?.first_line ?? /line (\d+)/.exec(error.message)?.[1] ?? 0;
    verdicts.push({ error: error.message, line: Number(line) });
  }
}
process.stdout.write(JSON.stringify(verdicts));
