// Pictures as SVG text: strips of points over time, with marks. Only what the score needs.

/** A point, a row of equal colour, and a mark at a time. */
export interface Strip {
  readonly title: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly points: readonly {
    readonly atMs: number;
    readonly value: number;
    readonly color: string;
  }[];
  /** Vertical lines, each with a word. */
  readonly marks: readonly {
    readonly atMs: number;
    readonly text: string;
    readonly color: string;
  }[];
}

const width = 900;
const height = 160;
const margin = 40;

/** Strips below each other, values from `least` to `most` on each; times count from each strip's beginning. */
export function svgOf(strips: readonly Strip[], least: number, most: number): string {
  const bodies = strips.map((strip, index) => {
    const body = bodyOf(strip, least, most);
    return `<g transform="translate(0 ${index * (height + margin)})">${body}</g>`;
  });
  const size = `width="${width + 2 * margin}" height="${strips.length * (height + margin)}"`;
  const font = 'font-family="sans-serif" font-size="11"';
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${font}>\n${bodies.join("\n")}\n</svg>\n`;
}

function bodyOf(
  { title, fromMs, toMs, points, marks }: Strip,
  least: number,
  most: number,
): string {
  const x = (atMs: number) => round(margin + ((atMs - fromMs) / (toMs - fromMs)) * width);
  const y = (value: number) => round(20 + (1 - (value - least) / (most - least)) * (height - 20));
  const frame = `<rect x="${margin}" y="20" width="${width}" height="${height - 20}" fill="none" stroke="#bbb"/>`;
  const scale = [least, most].map((value) => `<text x="4" y="${y(value)}">${value}</text>`);
  const seconds = Math.round((toMs - fromMs) / 1000);
  const axis = `<text x="${margin + width - 30}" y="${height + 12}">${seconds} s</text>`;
  const dots = points.map(
    ({ atMs, value, color }) => `<circle cx="${x(atMs)}" cy="${y(value)}" r="2" fill="${color}"/>`,
  );
  const lines = marks.map(
    ({ atMs, text, color }, index) =>
      `<line x1="${x(atMs)}" x2="${x(atMs)}" y1="20" y2="${height}" stroke="${color}"/>` +
      `<text x="${x(atMs) + 3}" y="${32 + 12 * (index % 4)}" fill="${color}">${escaped(text)}</text>`,
  );
  const head = `<text x="${margin}" y="14">${escaped(title)}</text>`;
  return [head, frame, ...scale, axis, ...dots, ...lines].join("");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
