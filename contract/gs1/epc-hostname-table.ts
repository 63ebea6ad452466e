// What a code of a hostname stands for in the `++` schemes (TDS 2.3, 14.5.16): beginnings and endings that
// are common take one code of 7 bits, or two where the first begins with five zeros.

/** Codes of table A that stand for more than a character of their own. */
const short: readonly (readonly [code: number, text: string])[] = [
  [0x1e, "qr."],
  [0x1f, "www."],
  [0x20, "id."],
  [0x5b, ".com"],
  [0x5c, ".org"],
  [0x5d, ".net"],
  [0x5e, ".int"],
  [0x60, ".edu"],
  [0x7b, ".gov"],
  [0x7c, ".mil"],
  [0x7d, ".biz"],
  [0x7e, ".eco"],
  [0x7f, ".med"],
];

/** Tables B1 to B4: endings by first code; the second is the place in the list. */
const long: readonly string[] = [
  `
  ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo bq br
  bs bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec
  ee eg eh er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy
  hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz
  la lb lc li
  `,
  `
  lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc
  ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw
  sa sb sc sd se sg sh si sk sl sm sn sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to
  tr tt tv tw tz ua ug us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw
  `,
  `
  com.au net.au org.au co.at com.bd co.bd com.br net.br co.nz com.ng com.pk co.in com.in co.il
  co.jp co.za co.kr com.es com.lk co.th co.tt com.tt com.tr biz.tr com.ua co.uk co.zm com.zm
  com.cn org.cn net.cn gov.cn
  `,
  "tech",
];

const characters = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/** Bits of one or two codes to what they stand for. */
export const hostnamePieces: ReadonlyMap<string, string> = new Map([
  ...Array.from(characters, (character) => [bits(character.charCodeAt(0)), character] as const),
  ...short.map(([code, text]) => [bits(code), text] as const),
  ...long.flatMap((list, first) =>
    list
      .trim()
      .split(/\s+/)
      .map((ending, second) => [bits(first) + bits(second), `.${ending}`] as const),
  ),
]);

function bits(code: number): string {
  return code.toString(2).padStart(7, "0");
}
