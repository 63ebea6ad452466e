// The live feed as server-sent events; `Last-Event-ID` is an entry number, and resumes behind it. Who has seen more than there
// is, as the ledger went back, is told so (`set_back`, with the last entry that there is) and goes on from there.

import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Ledger } from "../ledger/types.ts";
import type { Feed } from "./feed.ts";
import { numberInText, requireStore, type Stores, storeParams } from "./parameters.ts";
import { checked, ProblemError } from "./problem.ts";
import { addRoute } from "./route.ts";

const resumeHeader = z.strictObject({ "Last-Event-ID": numberInText.optional() });

/** Adds /v1/stores/{store}/feed. */
export function addFeedRoute(
  app: FastifyInstance,
  options: {
    readonly ledger: Pick<Ledger, "history">;
    readonly stores: Stores;
    readonly feed: Feed;
  },
): void {
  const { ledger, stores, feed } = options;
  app.addHook("preClose", async () => feed.close());
  addRoute(app, {
    ...{ method: "GET", path: "/v1/stores/:store/feed", allows: "stock.read", params: storeParams },
    summary:
      "Entries as they are posted (text/event-stream); set_back where the ledger has fewer than were seen",
    ...{ produces: "text/event-stream", answers: { 200: z.string() } },
    headers: { "Last-Event-ID": "Number of the last entry seen; without: from now on" },
    handler: async ({ params: { store }, actor, request, reply }) => {
      const given = { "Last-Event-ID": request.headers["last-event-id"] };
      const { "Last-Event-ID": seen } = checked(resumeHeader, given);
      await requireStore(stores, store);
      const last = await ledger.history.lastEntryNumber(store);
      // A ledger that was restored from a backup may have fewer than were seen.
      const through = Math.min(seen ?? last, last);
      const socket = reply.raw;
      const begin = () => {
        if (socket.headersSent) return;
        const headers = { "content-type": "text/event-stream", "cache-control": "no-store" };
        socket.writeHead(200, headers);
        socket.write("retry: 2000\n\n");
      };
      const leave = feed.listen(store, through, {
        get waitingBytes() {
          return socket.writableLength;
        },
        write: (text) => {
          begin();
          socket.write(text);
        },
        isAllowed: () => actor.stillMay("stock.read", store),
        end: () => socket.destroy(),
      });
      if (leave === undefined) throw new ProblemError("listeners_full", "come again later");
      reply.hijack();
      begin();
      if (seen !== undefined && seen > last) {
        socket.write(`id: ${last}\nevent: set_back\ndata: {"lastEntryNumber":${last}}\n\n`);
      }
      socket.on("drain", () => feed.onDrained(store));
      socket.on("close", leave);
      socket.on("error", leave);
      return "";
    },
  });
}
