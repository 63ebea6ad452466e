// The numbers of edges as Prometheus reads them (text format 0.0.4). Written here and not kept as gauges: what an
// edge no longer says must not be told, and a chain has many edges. Ids need no escaping in a label.

import type { EdgeView } from "./edge-book.ts";
import type { EdgeReport } from "./edge-report.ts";

type Sample = readonly [labels: string, value: number | undefined];

/** One metric. */
interface Family {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: (edge: EdgeView) => readonly Sample[];
}

const ofReport =
  (read: (report: EdgeReport) => number) =>
  ({ report }: EdgeView): readonly Sample[] => [["", report && read(report)]];
const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);

const families: readonly Family[] = [
  {
    ...{ name: "edge_online", type: "gauge" },
    help: "1 online, 0 offline; absent while the edge has not said",
    samples: ({ state }) => [["", state === "unknown" ? undefined : Number(state === "online")]],
  },
  {
    ...{ name: "edge_last_seen_age_seconds", type: "gauge" },
    help: "Since the bridge last heard of the edge",
    samples: ({ sinceSeenMs }) => [["", seconds(sinceSeenMs)]],
  },
  {
    ...{ name: "edge_last_acknowledgement_age_seconds", type: "gauge" },
    help: "Since the ledger last answered the edge, as the edge saw it",
    samples: ({ sinceAcknowledgementMs }) => [["", seconds(sinceAcknowledgementMs)]],
  },
  {
    ...{ name: "edge_backlog_events", type: "gauge" },
    help: "Events in the edge's buffer that the ledger has not acknowledged",
    samples: ofReport(({ waitingCount }) => waitingCount),
  },
  {
    ...{ name: "edge_backlog_age_seconds", type: "gauge" },
    help: "Age of the oldest of them at the edge's last report; 0 when there is none",
    samples: ofReport(({ backlogAgeMs }) => backlogAgeMs / 1000),
  },
  {
    ...{ name: "edge_buffer_used_ratio", type: "gauge" },
    help: "How full the edge's buffer is, 0 to 1",
    samples: ofReport(({ bufferUsedShare }) => bufferUsedShare),
  },
  {
    ...{ name: "edge_clock_offset_seconds", type: "gauge" },
    help: "By how much the edge's clock is ahead of the bridge's, the message's way included",
    samples: ofReport(({ clockOffsetMs }) => clockOffsetMs / 1000),
  },
  {
    ...{ name: "edge_clock_synced", type: "gauge" },
    help: "Whether the edge believes its own clock",
    samples: ofReport(({ clockSynced }) => Number(clockSynced)),
  },
  {
    ...{ name: "edge_quarantined_rows", type: "gauge" },
    help: "Events of the edge that lie in the ledger's quarantine",
    samples: ({ quarantinedCount }) => [["", quarantinedCount]],
  },
  {
    ...{ name: "edge_device_online", type: "gauge" },
    help: "1 for a device that is online, 0 for one that is offline or degraded",
    samples: ({ report }) =>
      (report?.devices ?? []).map(({ deviceId, state }) => [
        `,device="${deviceId}"`,
        Number(state === "online"),
      ]),
  },
  {
    ...{ name: "edge_device_readings_total", type: "counter" },
    help: "Readings of a device since its edge started",
    samples: ({ report }) =>
      (report?.devices ?? []).map(({ deviceId, readingCount }) => [
        `,device="${deviceId}"`,
        readingCount,
      ]),
  },
  {
    ...{ name: "edge_antenna_readings_total", type: "counter" },
    help: "Readings of a device by an antenna since its edge started",
    samples: ({ report }) =>
      (report?.devices ?? []).flatMap(({ deviceId, antennas }) =>
        antennas.map(
          ({ antenna, readingCount }): Sample => [
            `,device="${deviceId}",antenna="${antenna}"`,
            readingCount,
          ],
        ),
      ),
  },
];

/** Edges that are written before others have their turn. */
const edgesPerTurn = 500;

/** All metrics of these edges. */
export async function edgeMetricsText(
  edges: readonly EdgeView[],
  pause: () => Promise<unknown>,
): Promise<string> {
  const texts: string[] = [];
  for (const { name, type, help, samples } of families) {
    const full = `gondola_bridge_${name}`;
    texts.push(`# HELP ${full} ${help}\n# TYPE ${full} ${type}\n`);
    for (let first = 0; first < edges.length; first += edgesPerTurn) {
      let text = "";
      for (const edge of edges.slice(first, first + edgesPerTurn)) {
        for (const [labels, value] of samples(edge)) {
          if (value === undefined) continue;
          text += `${full}{store="${edge.storeId}",edge="${edge.edgeId}"${labels}} ${value}\n`;
        }
      }
      texts.push(text);
      await pause();
    }
  }
  return texts.join("");
}
