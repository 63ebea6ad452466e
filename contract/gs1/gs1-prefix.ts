// Who gave out a number, by its first digits (GS1 Prefixes, General Specifications 1.4.4, and GS1's public list of
// member organisations). It names the organisation, not where goods come from.

/** The first digits of a number that GS1 gave out, and to whom or for what. */
export interface Gs1Prefix {
  readonly prefix: string;
  readonly usage: string;
}

const withinCompany = "Used to issue Restricted Circulation Numbers within a company";
const withinRegion = "Used to issue Restricted Circulation Numbers within a geographic region";

/** First digits, or the first and the last of a range, and what they are for; member organisations by name alone. */
const memberRows = `
300-379 France|380 Bulgaria|383 Slovenija|385 Croatia|387 BIH (Bosnia-Herzegovina)|389 Montenegro|400-440 Germany
450-459 Japan|460-469 Russia|470 Kyrgyzstan|471 Chinese Taipei|474 Estonia|475 Latvia|476 Azerbaijan|477 Lithuania
478 Uzbekistan|479 Sri Lanka|480 Philippines|481 Belarus|482 Ukraine|483 Turkmenistan|484 Moldova|485 Armenia
486 Georgia|487 Kazakstan|488 Tajikistan|489 Hong Kong, China|490-499 Japan|500-509 UK|520-521 Association Greece
528 Lebanon|529 Cyprus|530 Albania|531 Macedonia|535 Malta|539 Ireland|540-549 Belgium & Luxembourg|560 Portugal
569 Iceland|570-579 Denmark|590 Poland|594 Romania|599 Hungary|600-601 South Africa|603 Ghana|604 Senegal|605 Uganda
606 Angola|607 Oman|608 Bahrain|609 Mauritius|611 Morocco|613 Algeria|615 Nigeria|616 Kenya|617 Cameroon
618 Côte d'Ivoire|619 Tunisia|620 Tanzania|621 Syria|622 Egypt|624 Libya|625 Jordan|626 Iran|627 Kuwait
628 Saudi Arabia|629 Emirates|630 Qatar|631 Namibia|632 Rwanda|640-649 Finland|680-681 China|690-699 China
700-709 Norway|729 Israel|730-739 Sweden|740 Guatemala|741 El Salvador|742 Honduras|743 Nicaragua|744 Costa Rica
745 Panama|746 Republica Dominicana|750 Mexico|754-755 Canada|759 Venezuela|760-769 Switzerland|770-771 Colombia
773 Uruguay|775 Peru|777 Bolivia|778-779 Argentina|780 Chile|784 Paraguay|786 Ecuador|789-790 Brasil|800-839 Italy
840-849 Spain|850 Cuba|858 Slovakia|859 Czech|860 Serbia|865 Mongolia|867 North Korea|868-869 Türkiye
870-879 Netherlands|880-881 South Korea|883 Myanmar|884 Cambodia|885 Thailand|888 Singapore|890 India|893 Vietnam
896 Pakistan|899 Indonesia|900-919 Austria|930-939 Australia|940-949 New Zealand|950 Global Office|955 Malaysia
958 Macau, China|960-961 UK - GTIN-8|9620-9624 UK - GTIN-8|9625-9626 Poland - GTIN-8|9627-9629 Global Office - GTIN-8
963-969 Global Office - GTIN-8`;

type Row = readonly [first: string, last: string, usage: string];

const members: readonly Row[] = memberRows.split(/[|\n]/).flatMap((text): Row[] => {
  const [, first, last, name] = /^(\d+)(?:-(\d+))? (.*)$/.exec(text) ?? [];
  return first === undefined ? [] : [[first, last ?? first, `GS1 ${name}`]];
});

/** Of numbers of 12 digits and more; the longer prefix goes before the shorter. */
const rows: readonly Row[] = [
  ["0000000", "0000000", withinCompany],
  ["0000001", "0000099", "Unused to avoid collision with GTIN-8"],
  ["00001", "00009", "GS1 US"],
  ["0001", "0009", "GS1 US"],
  ["001", "019", "GS1 US"],
  ["020", "029", withinRegion],
  ["030", "039", "GS1 US"],
  ["040", "049", withinCompany],
  ["050", "059", "GS1 US reserved for future use"],
  ["060", "139", "GS1 US"],
  ["200", "299", withinRegion],
  ...members,
  ["951", "951", "GS1 Global Office - General Manager Number"],
  ["952", "952", "Used for demonstrations and examples of the GS1 system"],
  ["977", "977", "Serial publications (ISSN)"],
  ["978", "979", "Bookland (ISBN)"],
  ["980", "980", "Refund receipts"],
  ["981", "983", "GS1 coupon identification for common currency areas"],
  ["99", "99", "GS1 coupon identification"],
];

/** Of numbers of eight digits, whose prefixes are a list of their own (1.4.4.1). */
const rowsOf8: readonly Row[] = [
  ["000", "099", withinCompany],
  ["100", "139", "GS1 US"],
  ["200", "299", withinCompany],
  ...members,
  ["977", "999", "Reserved for future use"],
];

/** The prefix of a company prefix, GTIN-13, GLN or other key, from its first digit on; undefined where none is given out. */
export function gs1PrefixOf(digits: string): Gs1Prefix | undefined {
  const row = rowOf(rows, digits);
  return row && { prefix: digits.slice(0, row[0].length), usage: row[2] };
}

/** The prefix of a GTIN-8: always three digits. */
export function gs1Prefix8Of(digits: string): Gs1Prefix | undefined {
  const row = rowOf(rowsOf8, digits);
  return row && { prefix: digits.slice(0, 3), usage: row[2] };
}

function rowOf(of: readonly Row[], digits: string): Row | undefined {
  return of.find(([first, last]) => {
    const head = digits.slice(0, first.length);
    return head.length === first.length && head >= first && head <= last;
  });
}
