// Prints the AsyncAPI document of the topics: `npm run schema:topics`.

import { asyncApiDocument } from "./asyncapi.ts";

process.stdout.write(`${JSON.stringify(asyncApiDocument("1"), null, 2)}\n`);
